//! Target paths in order, one after another in one text: a million of them in a little more than their letters.

/// Paths in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Paths {
    text: String,
    /// Where each path ends.
    ends: Vec<u32>,
}

impl Paths {
    /// Room for the paths of a small role, as one of many bins is.
    pub(crate) fn small() -> Self {
        Self { text: String::with_capacity(1 << 12), ends: Vec::with_capacity(1 << 6) }
    }

    /// Gives back the room that is left.
    pub(crate) fn fit(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    /// Adds a path above all others; `None` where there is no more room.
    pub(crate) fn push(&mut self, path: &str) -> Option<()> {
        self.text.push_str(path);
        self.ends.push(u32::try_from(self.text.len()).ok()?);
        Some(())
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    fn path(&self, place: usize) -> &str {
        let end = |place: usize| self.ends.get(place).map_or(0, |end| usize::try_from(*end).unwrap_or(0));
        let start = place.checked_sub(1).map_or(0, end);
        self.text.get(start..end(place)).unwrap_or_default()
    }

    /// Every path, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|place| self.path(place))
    }

    /// Whether `path` is among them.
    pub(crate) fn contains(&self, path: &str) -> bool {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.path(middle).cmp(path) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return true,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_where_it_is_and_nowhere_else() {
        let mut paths = Paths::default();
        for path in ["", "a", "a/b", "ä", "😀"] {
            paths.push(path).unwrap();
        }

        assert_eq!(paths.iter().collect::<Vec<_>>(), ["", "a", "a/b", "ä", "😀"]);
        assert_eq!(paths.len(), 5);
        for path in ["", "a", "a/b", "ä", "😀"] {
            assert!(paths.contains(path), "{path}");
        }
        for path in ["A", "aa", "a/", "z", "b"] {
            assert!(!paths.contains(path), "{path}");
        }
        assert!(!Paths::default().contains(""));
    }
}
