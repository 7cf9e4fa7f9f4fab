//! Signing apart: requests, answers, and merging them in any order, any number of times.

mod carried;
pub(crate) mod commands;
mod elsewhere;
pub(crate) mod openssl;
mod rules;
mod told;
mod vectors;
