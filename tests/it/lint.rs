//! `keyrite lint`: each rule by a world bent one way, what it says from outside, and other people's clients on the same
//! worlds.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails its test")]

mod cases;
mod cli;
mod peers;
mod rules;
mod ways;
