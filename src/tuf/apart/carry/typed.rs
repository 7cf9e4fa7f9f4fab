//! Lines that people read out and type: `2/5 ABCDE FGHIJ ... CHCK`.
//!
//! The last four characters of a line are 20 bits of the SHA-256 of its number and its data, so that a mistake is found
//! with its line; the first 40 bits of all data are those of the SHA-256 of the rest.

use std::collections::BTreeMap;

use sha2::Digest;
use sha2::Sha256;

use crate::tuf::apart::ApartError;
use crate::tuf::base32;

/// Characters of data in a line, in groups of five.
const WIDTH: usize = 35;
const GROUP: usize = 5;
/// Bytes in front that tell the whole.
const TOLD: usize = 5;
/// More lines than this nobody types.
const MOST: usize = 99;

/// The lines of some bytes.
pub(super) fn fold(bytes: &[u8]) -> Vec<String> {
    let whole = [&Sha256::digest(bytes)[..TOLD], bytes].concat();
    let data = base32::encode(&whole);
    let of = data.len().div_ceil(WIDTH);
    let line = |(part, number): (&[u8], usize)| {
        let part = String::from_utf8_lossy(part).into_owned();
        let groups: Vec<_> = part.as_bytes().chunks(GROUP).map(String::from_utf8_lossy).collect();
        format!("{number}/{of} {} {}", groups.join(" "), check(number, of, &part))
    };
    data.as_bytes().chunks(WIDTH).zip(1..).map(line).collect()
}

fn check(number: usize, of: usize, data: &str) -> String {
    base32::check(&format!("{number}/{of}:{data}"))
}

/// Whether there are such lines in a text, or what looks like them without their numbers.
pub(super) fn are_in(text: &str) -> bool {
    let typed = |line: &str| {
        place(line).is_some_and(|place| !place.rest.trim().is_empty() && (!place.glued || place.holds()))
    };
    text.lines().any(typed) || text.lines().find(|line| !line.trim().is_empty()).is_some_and(is_bare)
}

/// `2/5 REST` of a line.
struct Placed<'l> {
    number: usize,
    of: usize,
    rest: &'l str,
    /// No blank stands between the two.
    glued: bool,
}

impl Placed<'_> {
    /// What the line carries, and the four characters that prove it.
    fn data(&self) -> (String, String) {
        let mut data: String = self.rest.chars().filter(|c| !c.is_whitespace()).map(meant).collect();
        let proof = data.split_off(data.char_indices().rev().nth(3).map_or(0, |(at, _)| at));
        (data, proof)
    }

    fn holds(&self) -> bool {
        let (data, proof) = self.data();
        check(self.number, self.of, &data) == proof
    }
}

/// A line of a mail, without its quote marks.
fn unquoted(line: &str) -> &str {
    line.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '>' | '|'))
}

fn place(line: &str) -> Option<Placed<'_>> {
    let (number, rest) = unquoted(line).split_once('/')?;
    let number = digits(number)?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let at = |end: usize| {
        let (of, rest) = rest.split_at_checked(end)?;
        Some(Placed { number, of: digits(of)?, rest, glued: !rest.starts_with(char::is_whitespace) })
    };
    // Data may begin with a digit: where no blank stands before it, what holds is what was meant.
    let shorter = (1..end).filter_map(at).find(|placed| placed.glued && placed.holds());
    shorter.or_else(|| at(end))
}

fn digits(text: &str) -> Option<usize> {
    text.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
    text.parse().ok()
}

/// A line without its number: seven groups of five and one of four.
fn is_bare(line: &str) -> bool {
    let line = unquoted(line);
    let words: Vec<&str> = line.split_whitespace().collect();
    let lengths: Vec<usize> = words.iter().map(|word| word.len()).collect();
    let of_data = |word: &&str| word.bytes().all(|b| b.is_ascii_alphanumeric());
    // Hex has groups too, and no letter beyond F.
    let beyond_hex = |c: char| matches!(c.to_ascii_uppercase(), 'G'..='Z');
    lengths == [GROUP, GROUP, GROUP, GROUP, GROUP, GROUP, GROUP, 4]
        && words.iter().all(of_data)
        && line.contains(beyond_hex)
}

/// What was meant: capitals, and the letters that look like the digits which base32 has not.
fn meant(c: char) -> char {
    match c.to_ascii_uppercase() {
        '0' => 'O',
        '1' => 'I',
        '8' => 'B',
        c => c,
    }
}

/// The bytes that the lines carry.
pub(super) fn unfold(text: &str) -> Result<Vec<u8>, ApartError> {
    let mut parts: BTreeMap<usize, String> = BTreeMap::new();
    let mut all = None;
    for (line, at) in text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty()) {
        let wrong = |why: &str| ApartError::new(format!("line {at}: {why}"));
        let Some(placed) = place(line) else {
            if is_bare(line) {
                return Err(wrong("it must begin with its number, such as 2/5"));
            }
            // A greeting, or who wrote it.
            continue;
        };
        let Placed { number, of, .. } = placed;
        if number < 1 || of < number || of > MOST || *all.get_or_insert(of) != of {
            return Err(wrong("its number does not fit those of the other lines"));
        }
        let (data, proof) = placed.data();
        if check(number, of, &data) != proof {
            return Err(wrong("a typing mistake: its last four characters do not fit the others"));
        }
        if parts.insert(number, data.clone()).is_some_and(|before| before != data) {
            return Err(wrong("it was typed before, and differently: one answer a file"));
        }
    }
    let of = all.unwrap_or_default();
    let missing: Vec<String> =
        (1..=of).filter(|n| !parts.contains_key(n)).map(|n| format!("{n}/{of}")).collect();
    if !missing.is_empty() {
        return Err(ApartError::new(format!("missing: line {}", missing.join(", "))));
    }
    let data: String = parts.into_values().collect();
    let whole = base32::decode(&data).filter(|whole| whole.len() > TOLD);
    let whole = whole.ok_or_else(|| ApartError::new("the lines carry nothing"))?;
    let (told, bytes) = whole.split_at(TOLD);
    if Sha256::digest(bytes)[..TOLD] != *told {
        return Err(ApartError::new("the lines do not belong together: some are of another signature"));
    }
    Ok(bytes.to_vec())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(text: &str) -> String {
        unfold(text).unwrap_err().to_string()
    }

    #[test]
    fn a_signature_is_a_few_lines_that_fit_a_page() {
        let lines = fold(&[7; 100]);

        assert_eq!(lines.len(), 5);
        assert!(lines.iter().all(|line| line.len() <= 51), "{lines:?}");
    }

    #[test]
    fn each_mistake_is_found_with_its_line() {
        let lines = fold(&[7; 60]);
        let text = lines.join("\n");
        let other = fold(&[8; 60]);

        let swapped = format!("{}\n{}\n{}", lines[0], lines[1].replacen("2/3", "3/3", 1), lines[2]);
        let typo = format!("{}\n{}\n{}", lines[0], lines[1].replacen("2/3 ", "2/3 2", 1), lines[2]);
        assert!(said(&typo).starts_with("line 2: a typing mistake"), "{text}");
        assert!(said(&swapped).starts_with("line 2: a typing mistake"));
        let bare = lines[0].split_once(' ').unwrap().1;
        assert!(said(&format!("{text}\n{bare}")).starts_with("line 4: it must begin with its number"));
        assert!(are_in(bare) && said(bare).starts_with("line 1: it must begin with its number"));
        assert!(said(&format!("{text}\n1/4 A")).starts_with("line 4: its number does not fit"));
        assert!(said(&format!("{text}\n{}", other[1])).starts_with("line 4: it was typed before"));
        assert_eq!(said(&lines[1]), "missing: line 1/3, 3/3");
        assert!(said(&[&*lines[0], &*other[1], &*lines[2]].join("\n")).contains("do not belong together"));
    }

    proptest! {
        #[test]
        fn a_mail_quotes_them_and_says_something_around(bytes in prop::collection::vec(any::<u8>(), 30..150)) {
            let lines = fold(&bytes);
            let quoted: String = lines.iter().map(|line| format!("> {line}\n")).collect();
            let glued = lines.join("\n").replacen(' ', "", 1);
            let all_glued: String = lines.iter().map(|line| format!("| > {}\n", line.replace(' ', ""))).collect();
            let mail = format!("Dear Oli,\nhere it is, at 12 o'clock:\n\n{quoted}\nYours, Eda\n");

            for text in [quoted.clone(), glued, all_glued, mail] {
                prop_assert!(are_in(&text), "{text}");
                prop_assert_eq!(unfold(&text).unwrap(), &bytes[..], "{}", text);
            }
        }

        #[test]
        fn people_type_it_in_any_order_in_small_letters_and_with_digits_for_letters(
            bytes in prop::collection::vec(any::<u8>(), 1..150), seed in any::<u64>(),
        ) {
            let mut lines = fold(&bytes);
            lines.sort_by_key(|line| Sha256::digest(format!("{seed}{line}")).to_vec());
            let sloppy = |line: &String| {
                let (place, rest) = line.split_once(' ').unwrap();
                let rest = rest.to_lowercase().replace(' ', "").replace('o', "0").replace('b', "8");
                format!("  {place}   {rest}")
            };
            let text: Vec<String> = lines.iter().map(sloppy).collect();

            prop_assert!(are_in(&text.join("\n")));
            prop_assert_eq!(unfold(&text.join("\n\n")).unwrap(), bytes);
        }

        #[test]
        fn no_text_makes_it_panic(text in "([0-3]/[0-3] [A-Zé ]{0,9}\n|.{0,9}\n){0,9}") {
            let _ = unfold(&text);
        }
    }
}
