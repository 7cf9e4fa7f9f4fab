//! Keys in shares: restored outside a ceremony, from files and from words, by this program and without it.

mod restore;
