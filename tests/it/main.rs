//! One integration crate: what the program shows from outside, and what its parts promise each other.

mod common;

mod bundle;
mod ceremony;
mod cli;
mod genesis;
mod interop;
mod journal;
mod keystore;
mod layers;
mod pkcs11;
mod plan;
mod tuf;
mod tui;
