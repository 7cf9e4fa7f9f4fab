//! A document as plain text of 80 columns. Every line of a rehearsal begins with that word.

use crate::paper::document::Document;
use crate::paper::document::Part;
use crate::paper::document::Row;
use crate::paper::document::Table;
use crate::words::plain;

const WIDTH: usize = 80;

/// The text.
pub fn page(document: &Document) -> String {
    let mark = document.mark.map(|mark| format!("{mark} ")).unwrap_or_default();
    let mut out = Writer { lines: Vec::new(), width: WIDTH - mark.len() };
    out.put("", &document.title);
    out.put("", &format!("{} of ceremony {}", document.what, document.id));
    for part in &document.parts {
        out.part(part);
    }
    out.rule('=');
    document.foot.iter().for_each(|line| out.put("", line));
    let line = |line: &String| format!("{}\n", format!("{mark}{line}").trim_end());
    out.lines.iter().map(line).collect()
}

struct Writer {
    lines: Vec<String>,
    width: usize,
}

impl Writer {
    fn rule(&mut self, c: char) {
        self.lines.push(c.to_string().repeat(self.width));
    }

    /// Text in lines that fit: the first after `first`, the others under it.
    fn put(&mut self, first: &str, text: &str) {
        let indent = " ".repeat(first.chars().count());
        let mut line = first.to_owned();
        let room = self.width;
        for paragraph in text.lines().map(plain) {
            let mut empty = true;
            for word in paragraph.split(' ') {
                if !empty && line.chars().count() + 1 + word.chars().count() > room {
                    self.lines.push(std::mem::replace(&mut line, indent.clone()));
                    empty = true;
                }
                if !empty {
                    line.push(' ');
                }
                for c in word.chars() {
                    if line.chars().count() == room {
                        self.lines.push(std::mem::replace(&mut line, indent.clone()));
                    }
                    line.push(c);
                }
                empty = false;
            }
            self.lines.push(std::mem::replace(&mut line, indent.clone()));
        }
    }

    fn part(&mut self, part: &Part) {
        match part {
            Part::Heading { text, .. } => {
                self.lines.push(String::new());
                self.put("", text);
                self.rule('-');
            }
            Part::Says(says) => says.iter().for_each(|text| self.put("", text)),
            Part::Lines(lines) => lines.iter().for_each(|text| self.put("", text)),
            Part::Table(one) => self.table(one),
            Part::Digest { of, digest, .. } => {
                self.lines.push(String::new());
                self.put("", &format!("{of}, SHA-256"));
                digest.hex_groups().iter().chain(&digest.lines()).for_each(|line| self.put("  ", line));
            }
            Part::Steps(rows) => rows.iter().for_each(|row| self.step(row)),
        }
    }

    /// A row is its first cell, and under it each other cell with the name of its column.
    fn table(&mut self, table: &Table) {
        for row in &table.rows {
            let mut cells = row.iter().zip(&table.head);
            if let (2, [name, value]) = (row.len(), row.as_slice()) {
                self.put(&format!("{name:<16}"), if value.is_empty() { "_" } else { value });
                continue;
            }
            if let Some((first, _)) = cells.next() {
                self.put("", first);
            }
            for (cell, head) in cells {
                self.put(&format!("    {head:<14}"), if cell.is_empty() { "____________" } else { cell });
            }
        }
    }

    fn step(&mut self, row: &Row) {
        if let Some(section) = &row.section {
            self.lines.push(String::new());
            self.put("", section);
            self.rule('-');
        }
        let happened = row.happened.as_ref();
        let tick = if happened.is_some_and(|happened| happened.done.is_some()) { "[x]" } else { "[ ]" };
        let mut first = format!("{:>4} {tick} ", row.number);
        for text in &row.text {
            self.put(&first, text);
            first = " ".repeat(9);
        }
        let when = |at: Option<crate::tuf::Date>| at.map(|at| format!(" {at}")).unwrap_or_default();
        self.put(
            &first,
            &format!("{}: {}{}", row.id, row.by.1, when(happened.and_then(|happened| happened.did))),
        );
        for (id, name) in &row.confirm {
            let at = happened.and_then(|happened| happened.confirmed.iter().find(|(by, _)| by == id));
            self.put(&first, &format!("confirmed by {name}{}", when(at.map(|(_, at)| *at))));
        }
        if let Some((_, name)) = &row.takes {
            self.put(&first, &format!("{name} has it{}", when(happened.and_then(|happened| happened.done))));
        }
        for seen in happened.iter().flat_map(|happened| &happened.seen) {
            let mark = if seen.exception { "! " } else { "- " };
            self.put(&format!("{first}{mark}"), &format!("{} {}", seen.at, seen.words));
        }
        if row.gate {
            self.lines.push(format!("{:=^1$}", " POINT OF NO RETURN ", self.width));
        }
        if let Some(head) = row.head {
            self.put(&first, "Head of the journal at the end of this section:");
            head.hex_groups().iter().chain(&head.lines()).for_each(|line| self.put(&first, line));
        }
    }
}
