//! The TUF client workflow: one world, bent one way at a time; and what other projects published.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails its test")]

mod cli;
mod client;
mod keys;
pub(crate) mod vectors;
pub(crate) mod world;
