//! How far a text that must be read before anyone goes on has been on the screen.

/// What was read of it: from its first line on, without a gap. To jump to the end is not to read it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// So many lines, from the first.
    read: usize,
    /// Everything was.
    whole: bool,
}

impl Reading {
    /// What was read to its end before, or was not.
    pub fn known(whole: bool) -> Self {
        Self { read: 0, whole }
    }

    /// Whether all of it was on the screen.
    pub fn whole(self) -> bool {
        self.whole
    }

    /// The `height` lines from the line `at` are on the screen now, of `lines` that must be read.
    pub fn look(&mut self, at: usize, height: usize, lines: usize) {
        if at <= self.read {
            self.read = self.read.max(at + height);
        }
        self.whole |= self.read >= lines;
    }

    /// The line with which the next page begins: the last one that was read.
    pub fn next_page(self) -> usize {
        self.read.saturating_sub(1)
    }

    /// The lines are others now, as in a window of another width. Whether it must be read again from the first of them: what
    /// was read to its end was read.
    pub fn again(&mut self) -> bool {
        self.read = 0;
        !self.whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_jumps_to_the_end_has_not_read_what_lies_between() {
        let mut reading = Reading::default();
        let mut pages = Vec::new();
        reading.look(0, 10, 35);
        reading.look(25, 10, 35);
        assert!(!reading.whole());

        while !reading.whole() {
            // The window never goes beyond the last line.
            let at = reading.next_page().min(25);
            reading.look(at, 10, 35);
            pages.push(at);
        }
        assert_eq!(pages, [9, 18, 25]);
    }
}
