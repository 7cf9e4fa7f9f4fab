//! The little world that the tests share.

pub(crate) mod keyrite;
pub(crate) mod peers;
pub(crate) mod terminal;
