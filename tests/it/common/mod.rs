//! The little world that the tests share.
