//! The difference for people: what changes, what follows, and the lines of `expect_diff`.

use crate::cli::Output;
use crate::cli::diff::Compared;
use crate::cli::show::plain;
use crate::tuf::diff::say;
use crate::tuf::diff::say::SHOWN;
use crate::tuf::diff::say::cut;

/// Prints everything for people.
pub(super) fn people(compared: &Compared, out: &mut Output) {
    for (files, section) in compared.sections.iter().take(SHOWN) {
        out.line(format!("{}: {} -> {}", plain(&section.role), plain(&files.old), plain(&files.new)));
        lines(out, say::lines(section));
        out.line("");
    }
    if let Some(more) = compared.sections.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        out.line(format!("... and {more} more roles that differ, which --json lists"));
    }
    for (side, files) in [("OLD", &compared.only_old), ("NEW", &compared.only_new)] {
        lines(out, cut(files.iter().map(|file| format!("only in {side}: {file}"))));
    }
    if compared.sections.is_empty() {
        let what = if compared.only_old.is_empty() && compared.only_new.is_empty() {
            "no difference"
        } else {
            "no other difference"
        };
        return out.line(format!("{what}: {} alike", files(compared.same)));
    }
    if compared.same > 0 {
        out.line(format!("{} alike", files(compared.same)));
    }
    out.line("The same, as expect_diff has it:");
    for (_, section) in compared.sections.iter().take(SHOWN) {
        for group in section.changes.chunk_by(|a, b| a.kind == b.kind && a.role == b.role) {
            lines(out, cut(group.iter().map(|change| format!("  {}", change.line))));
        }
    }
}

fn files(count: usize) -> String {
    if count == 1 { "1 file is".to_owned() } else { format!("{count} files are") }
}

fn lines(out: &mut Output, lines: impl IntoIterator<Item = String>) {
    for line in lines {
        out.line(plain(&line));
    }
}
