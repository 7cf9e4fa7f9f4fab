//! Signing apart on the screen: a request is read and signed ([`sign`]), and answers are merged ([`merge`]).
//!
//! Pure: `nearby::asked` looks at what lies in a directory. What a request says, what becomes of an answer and who may
//! sign is `tuf::apart`'s; `run::apart` does what these screens want done.

pub mod film;
pub mod merge;
pub mod sign;
