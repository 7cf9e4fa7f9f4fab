//! One integration crate: what the program shows from outside, and what its parts promise each other.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

mod common;

mod anchors;
mod apart;
mod assess;
mod attention;
mod backup;
mod bundle;
mod ceremony;
mod chain;
mod cli;
mod client;
mod defects;
mod delegations;
mod diff;
mod fuzz;
mod genesis;
mod golden_bundles;
mod import;
mod inspect;
mod instructions;
mod interop;
mod journal;
mod keystore;
mod lapse;
mod layers;
mod lint;
mod longest;
mod machine;
mod mutations;
mod paper;
mod pkcs11;
mod plan;
mod proof;
mod readme;
mod room;
mod roots;
mod secrets;
mod status;
mod tokens;
mod tuf;
mod tui;
mod witness;
