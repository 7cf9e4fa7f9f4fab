//! A reader for tests, which gives a few bytes at a time.

use std::io;
use std::io::Read;

/// These bytes, at most so many at once.
pub(crate) struct Drip<'a>(pub(crate) &'a [u8], pub(crate) usize);

impl Read for Drip<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let some = self.1.min(to.len());
        self.0.read(&mut to[..some])
    }
}
