//! What people write down in the room: each the words of a share that was shown to them alone.

use std::collections::BTreeMap;

/// Everyone's sheet, by name.
#[derive(Clone, Default)]
pub(crate) struct Paper {
    sheets: BTreeMap<String, Vec<String>>,
    /// Who was called to look.
    called: String,
}

/// The text between these two, on one line whatever the screen made of it.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(found, _)| found)
}

impl Paper {
    /// Looks at a screen as whoever it is meant for would.
    pub(super) fn look(&mut self, screen: &str) {
        let text = screen.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some(name) = between(&text, "[WAIT] This is for ", " alone;") {
            name.clone_into(&mut self.called);
        }
        if !screen.contains("   for one person alone") {
            return;
        }
        let row = |line: &str| {
            let (number, words) = line.trim().split_once(' ')?;
            let four = words.split_whitespace().count() == 4;
            (number.parse::<usize>().is_ok() && four).then(|| words.trim().to_owned())
        };
        self.sheets.insert(self.called.clone(), screen.lines().filter_map(row).collect());
    }

    /// The row that is asked for, read off the sheet of whose turn it is.
    pub(super) fn row(&self, screen: &str) -> Option<String> {
        let text = screen.split_whitespace().collect::<Vec<_>>().join(" ");
        let name = between(&text, "[WAIT] ", " types; the others look away")?;
        let number: usize = between(&text, " Row ", " of ")?.parse().ok()?;
        Some(self.sheets[name][number - 1].clone())
    }
}
