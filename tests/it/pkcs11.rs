//! Keys on PKCS#11 tokens: one suite against every module, then what each module alone can show.
//!
//! A module reads its configuration from the environment and lives once in a process, so every scene is played by a
//! process (`tests/programs/play.rs`) in an environment of its own (`world`).

#![expect(clippy::unwrap_used, clippy::panic, reason = "a scene that cannot go on fails its test")]

mod commands;
mod faults;
mod hostile;
mod proxy;
mod scene;
mod suite;
pub(crate) mod world;
mod yubikey;
