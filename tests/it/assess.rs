//! Lost and stolen keys: each rule on one world, every verdict against the client itself, and the commands.

mod brute_force;
