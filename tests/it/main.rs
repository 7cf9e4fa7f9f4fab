//! One integration crate: what the program shows from outside, and what its parts promise each other.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

mod common;

mod apart;
mod bundle;
mod ceremony;
mod cli;
mod defects;
mod diff;
mod genesis;
mod golden_bundles;
mod inspect;
mod interop;
mod journal;
mod keystore;
mod layers;
mod pkcs11;
mod plan;
mod readme;
mod secrets;
mod tokens;
mod tuf;
mod tui;
