//! Frames: `KR1:ID:NUMBER/OF:DATA:CHECK`, one a QR code.
//!
//! ID is 40 bits of the SHA-256 of everything that the frames carry, DATA a part of it, CHECK 20 bits of the SHA-256
//! of the line before it; all three in base32.

use std::collections::BTreeMap;

use sha2::Digest;
use sha2::Sha256;

use crate::tuf::apart::ApartError;
use crate::tuf::base32;
use crate::tuf::few;

/// The longest frame in characters: what a QR code of version 6, level L, holds in its alphanumeric mode (ISO/IEC
/// 18004, table 7). With two light modules around it that is 45 modules, and 23 of 24 rows of half blocks.
pub const ROOM: usize = 195;
/// How a frame begins.
const MARK: &str = "KR1:";
/// Bytes in a frame that is the only one, and in one of several.
const ALONE: usize = 108;
const PART: usize = 105;
/// More frames than this nobody films: four a second take four minutes.
const MOST: usize = 999;

/// The frames of some bytes, of which there is one at least.
pub(super) fn fold(bytes: &[u8]) -> Result<Vec<String>, ApartError> {
    let id = id(bytes);
    let size = if bytes.len() <= ALONE { ALONE } else { PART };
    let of = bytes.len().div_ceil(size).max(1);
    if of > MOST {
        let error = format!("{of} frames would be needed, and {MOST} are the most; send it as a file");
        return Err(ApartError::new(error));
    }
    let line = |(part, number): (&[u8], usize)| {
        let line = format!("{MARK}{id}:{number}/{of}:{}", base32::encode(part));
        let check = base32::check(&line);
        format!("{line}:{check}")
    };
    Ok(bytes.chunks(size).zip(1..).map(line).collect())
}

/// Tells what is carried from everything else: 40 bits of its SHA-256.
fn id(bytes: &[u8]) -> String {
    base32::encode(&Sha256::digest(bytes)[..5])
}

/// Whether a text has frames in it.
pub(super) fn are_in(text: &str) -> bool {
    text.lines().any(|line| marked(line).is_some())
}

/// The frame in a line, in capitals: what stands before its mark, as readers of QR codes write it, is not part of it.
fn marked(line: &str) -> Option<String> {
    let line = line.to_ascii_uppercase();
    let at = line.find(MARK)?;
    line[at..].split_whitespace().next().map(str::to_owned)
}

/// One frame that is whole.
struct Frame {
    id: String,
    number: usize,
    of: usize,
    data: Vec<u8>,
}

impl Frame {
    fn parse(line: &str) -> Option<Self> {
        let (rest, check) = line.rsplit_once(':')?;
        if base32::check(rest) != check {
            return None;
        }
        let (id, rest) = rest.strip_prefix(MARK)?.split_once(':')?;
        let (place, data) = rest.split_once(':')?;
        let (number, of) = place.split_once('/')?;
        let (number, of) = (number.parse().ok()?, of.parse().ok()?);
        let fits = 1 <= number && number <= of && of <= MOST;
        fits.then_some(Self { id: id.to_owned(), number, of, data: base32::decode(data)? })
    }
}

/// The frames of one thing, with the names of the first text and the last that have one.
struct Sorted<'t> {
    id: Option<String>,
    first: &'t str,
    last: &'t str,
    lines: Vec<&'t str>,
}

/// Texts with names, sorted by what their frames carry. Damaged frames are one thing; so is a text without any.
pub(super) fn sorted(texts: &[(String, String)]) -> Vec<(String, String)> {
    let mut all: Vec<Sorted<'_>> = Vec::new();
    for (name, text) in texts {
        if !are_in(text) {
            all.push(Sorted { id: None, first: name, last: name, lines: vec![text] });
        }
        for (line, frame) in text.lines().filter_map(|line| Some((line, marked(line)?))) {
            let id = Some(Frame::parse(&frame).map(|frame| frame.id).unwrap_or_default());
            let known = all.iter().position(|sorted| sorted.id == id).unwrap_or(all.len());
            if known == all.len() {
                all.push(Sorted { id, first: name, last: name, lines: Vec::new() });
            }
            all[known].last = name;
            all[known].lines.push(line);
        }
    }
    all.iter().map(|sorted| (few::run(sorted.first, sorted.last), sorted.lines.join("\n"))).collect()
}

/// The frames of one thing so far.
struct Pile {
    id: String,
    of: usize,
    parts: BTreeMap<usize, Vec<u8>>,
}

/// Everything that the frames in a text carry, in the order in which it begins.
pub(super) fn unfold(text: &str) -> Result<Vec<Vec<u8>>, ApartError> {
    let mut piles: Vec<Pile> = Vec::new();
    let mut damaged = Vec::new();
    for (line, at) in text.lines().zip(1..) {
        let Some(line) = marked(line) else { continue };
        let Some(frame) = Frame::parse(&line) else {
            damaged.push(at);
            continue;
        };
        let known = piles.iter().position(|pile| pile.id == frame.id);
        let at = known.unwrap_or(piles.len());
        if known.is_none() {
            piles.push(Pile { id: frame.id.clone(), of: frame.of, parts: BTreeMap::new() });
        }
        piles[at].add(frame)?;
    }
    let open: Vec<&Pile> = piles.iter().filter(|pile| pile.parts.len() < pile.of).collect();
    if piles.is_empty() || !open.is_empty() {
        return Err(incomplete(&piles, &open, &damaged));
    }
    piles.into_iter().map(Pile::whole).collect()
}

impl Pile {
    fn add(&mut self, frame: Frame) -> Result<(), ApartError> {
        if frame.of != self.of {
            let error = format!("frames {} do not agree: one says {}, one {}", self.id, self.of, frame.of);
            return Err(ApartError::new(error));
        }
        let (number, of) = (frame.number, self.of);
        let kept = self.parts.entry(number).or_insert_with(|| frame.data.clone());
        if *kept != frame.data {
            let error = format!("frame {number} of {of} came twice, and differs: somebody changed one");
            return Err(ApartError::new(error));
        }
        Ok(())
    }

    fn whole(self) -> Result<Vec<u8>, ApartError> {
        let bytes: Vec<u8> = self.parts.into_values().flatten().collect();
        if id(&bytes) != self.id {
            return Err(ApartError::new(format!("the frames {} do not carry what they name", self.id)));
        }
        Ok(bytes)
    }

    fn missing(&self) -> String {
        let missing: Vec<usize> = (1..=self.of).filter(|n| !self.parts.contains_key(n)).collect();
        let verb = if missing.len() == 1 { "frame" } else { "frames" };
        format!("{verb} {} of {} missing", ranges(&missing), self.of)
    }
}

fn incomplete(piles: &[Pile], open: &[&Pile], damaged: &[usize]) -> ApartError {
    let mut said: Vec<String> = match (piles, open) {
        ([_], [pile]) => vec![pile.missing()],
        _ => open.iter().map(|pile| format!("{} of {}", pile.missing(), pile.id)).collect(),
    };
    if piles.len() > 1 {
        said.insert(0, format!("frames of {} different things are mixed", piles.len()));
    }
    if !damaged.is_empty() {
        let lines = if damaged.len() == 1 { "line" } else { "lines" };
        said.push(format!("damaged, on {lines} {}", ranges(damaged)));
    }
    ApartError::new(said.join("; "))
}

/// `3, 5-7` of numbers that ascend.
fn ranges(numbers: &[usize]) -> String {
    let runs = numbers.chunk_by(|a, b| a + 1 == *b);
    let run = |run: &[usize]| match run {
        [first, .., last] => format!("{first}-{last}"),
        _ => run.first().map(ToString::to_string).unwrap_or_default(),
    };
    runs.map(run).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(of: usize) -> Vec<u8> {
        (0..of).map(|n| u8::try_from(n * 7 % 251).unwrap()).collect()
    }

    fn said(lines: &[String]) -> String {
        unfold(&lines.join("\n")).unwrap_err().to_string()
    }

    #[test]
    fn no_frame_is_longer_than_its_code_holds_and_few_bytes_are_one_frame() {
        for of in [1, ALONE, ALONE + 1, PART * 99, PART * 100, PART * MOST] {
            let frames = fold(&bytes(of)).unwrap();

            assert!(frames.iter().all(|frame| frame.len() <= ROOM), "{of}");
            assert_eq!(frames.len() == 1, of <= ALONE, "{of}");
        }
        assert!(fold(&bytes(PART * MOST + 1)).unwrap_err().to_string().contains("send it as a file"));
    }

    #[test]
    fn what_is_missing_is_named_by_its_numbers() {
        let mut frames = fold(&bytes(PART * 9)).unwrap();
        frames.remove(7);
        frames.drain(2..5);
        frames.remove(0);

        assert_eq!(said(&frames), "frames 1, 3-5, 8 of 9 missing");
    }

    #[test]
    fn a_damaged_frame_is_named_by_its_line_and_does_no_harm_where_it_came_whole_too() {
        let mut frames = fold(&bytes(PART * 3)).unwrap();
        let good = frames[1].clone();
        frames[1] = good.replace(":2/3:", ":2/3:A");

        assert_eq!(said(&frames), "frame 2 of 3 missing; damaged, on line 2");
        frames.push(good);
        assert_eq!(unfold(&frames.join("\n")).unwrap(), [bytes(PART * 3)]);
    }

    #[test]
    fn sorted_by_what_they_carry_one_thing_spoils_no_other() {
        let (one, two) = (fold(&bytes(PART * 3)).unwrap(), fold(&bytes(PART * 2)).unwrap());
        let named = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let texts = [
            named("1.png", &[one[0].as_str(), &two[0]].join("\n")),
            named("2.png", &one[2]),
            named("3.png", &two[1]),
            named("4.png", "something else"),
        ];

        let sorted = sorted(&texts);

        let names: Vec<&str> = sorted.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["1.png .. 2.png", "1.png .. 3.png", "4.png"]);
        assert!(unfold(&sorted[0].1).unwrap_err().to_string().contains("frame 2 of 3 missing"));
        assert_eq!(unfold(&sorted[1].1).unwrap(), [bytes(PART * 2)]);
        assert_eq!(sorted[2].1, "something else");
    }

    #[test]
    fn mixed_frames_are_told_apart() {
        let (one, two) = (fold(&bytes(PART * 3)).unwrap(), fold(&bytes(PART * 2)).unwrap());

        let mixed = said(&[one[0].clone(), one[1].clone(), two[1].clone()]);
        let both = unfold(&[two.clone(), one.clone()].concat().join("\n")).unwrap();

        assert!(
            mixed.starts_with("frames of 2 different things are mixed; frame 3 of 3 missing of "),
            "{mixed}"
        );
        assert_eq!(both, [bytes(PART * 2), bytes(PART * 3)]);
    }

    #[test]
    fn a_frame_that_was_made_to_fit_is_found_by_the_whole() {
        let frames = fold(&bytes(PART * 2)).unwrap();
        let forged = |line: &str, from: &str, to: &str| {
            let line = line.rsplit_once(':').unwrap().0.replace(from, to);
            format!("{line}:{}", base32::check(&line))
        };
        let last = frames[1].split(':').nth(3).unwrap();
        let data = forged(&frames[1], last, &base32::encode(b"something else"));
        let of = forged(&frames[1], ":2/2:", ":2/3:");

        assert!(said(&[frames[0].clone(), data.clone()]).contains("do not carry what they name"));
        assert!(said(&[frames[0].clone(), frames[1].clone(), data]).contains("came twice, and differs"));
        assert!(said(&[frames[0].clone(), of]).contains("do not agree"));
    }

    proptest! {
        #[test]
        fn any_order_and_any_repetition_carry_the_same(
            of in 1..2000_usize,
            picks in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
            seed in any::<u64>(),
        ) {
            let frames = fold(&bytes(of)).unwrap();
            let mut lines = frames.clone();
            lines.extend(picks.iter().map(|pick| format!("QR-Code:{} ", pick.get(&frames).to_lowercase())));
            lines.sort_by_key(|line| Sha256::digest(format!("{seed}{line}")).to_vec());

            prop_assert_eq!(unfold(&lines.join("\r\n")).unwrap(), [bytes(of)]);
        }

        #[test]
        fn no_text_makes_it_panic(text in "(KR1:[A-C]{0,2}:[0-3]/[0-3]:[A-Z2-7]{0,4}:[A-Z]{4}\n|.{0,9}\n){0,9}") {
            let _ = unfold(&text);
        }
    }
}
