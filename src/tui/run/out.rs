//! What is drawn, on its way to the terminal: written a frame at a time, and wiped, for it may be a share.

use std::fs::File;
use std::io;
use std::io::Write;

use zeroize::Zeroize;

/// More than a frame takes.
const FRAME: usize = 1 << 16;

pub(super) struct Out {
    to: File,
    /// It never grows, so that no copy stays behind; what is not used is zero.
    held: Vec<u8>,
    used: usize,
}

impl Out {
    pub(super) fn new(to: File) -> Self {
        Self { to, held: vec![0; FRAME], used: 0 }
    }

    /// The terminal.
    pub(super) fn terminal(&self) -> &File {
        &self.to
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.used == FRAME {
            self.flush()?;
        }
        let fits = bytes.len().min(FRAME - self.used);
        self.held[self.used..][..fits].copy_from_slice(&bytes[..fits]);
        self.used += fits;
        Ok(fits)
    }

    fn flush(&mut self) -> io::Result<()> {
        let held = &mut self.held[..self.used];
        let written = self.to.write_all(held);
        held.zeroize();
        self.used = 0;
        written
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that is gone.
        drop(self.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_its_length_everything_arrives_in_order_and_is_wiped() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut out = Out::new(file.reopen().unwrap());
        let bytes: Vec<u8> = (0..3 * FRAME + 5).map(|n| (n % 251) as u8).collect();

        out.write_all(&bytes[..7]).unwrap();
        out.write_all(&bytes[7..]).unwrap();
        out.flush().unwrap();

        assert_eq!(std::fs::read(file.path()).unwrap(), bytes);
        assert!(out.held.len() == FRAME && out.held.iter().all(|byte| *byte == 0));
    }
}
