//! The full-screen front end: keys in, screen out; and the same program in a real pseudo-terminal.

mod apart;
mod day;
mod faults;
pub(crate) mod golden;
mod mounts;
pub(crate) mod pseudo;
pub(crate) mod repository;
mod rules;
mod softhsm;
pub(crate) mod stage;
mod tokens;
