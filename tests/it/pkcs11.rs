//! Keys on PKCS#11 tokens: one suite against every module, then what each module alone can show.
//!
//! A module reads its configuration from the environment and lives once in a process, so every scene is played by a
//! child process (`child`) in an environment of its own (`world`).

mod child;
mod commands;
mod faults;
mod hostile;
mod suite;
pub(crate) mod world;
mod yubikey;
