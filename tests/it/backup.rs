//! Keys in shares: handed out and proven in a ceremony; restored outside of one, by this program and without it.

mod ceremony;
mod restore;
mod screen;
pub(crate) mod world;
