//! Text from files on a terminal: characters that act instead of showing are written as their numbers.

pub use crate::words::plain;
