//! The machine that a ceremony runs on: what the pre-flight makes of it, and what this process gives up.

mod board;
mod confined;
mod dice;
mod memory;
mod strace;
