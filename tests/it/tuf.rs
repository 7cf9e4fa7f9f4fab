//! The TUF client workflow: one world, bent one way at a time; and what other projects published.

mod client;
mod keys;
mod vectors;
pub(crate) mod world;
