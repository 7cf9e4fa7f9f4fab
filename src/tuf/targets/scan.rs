//! JSON as bytes: where a value ends, whether it lies in canonical form, and its canonical form where it does not.
//!
//! Nothing here builds a value. The text may end in the middle of one: then more of it must be read. What this reader
//! is not made for it declines, and the strict reader of [`crate::tuf::json`] answers instead; so it may decline
//! what is good, and must never take what is not. Called by `stream`, which proves that the text is UTF-8.

use std::ops::Range;

use memchr::memchr2;

/// The deepest nesting that is read here; what is deeper is for the other reader.
const MAX_DEPTH: usize = 32;
/// The longest number: every one of that length is a whole number of 64 bits.
const MAX_DIGITS: usize = 18;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The text ends before the value does.
    More,
    /// Not canonical, not JSON, or not for this reader.
    Declined,
}

/// Where something ends.
type End = Result<usize, Stop>;

/// Where the white space ends that begins at `at`.
pub(crate) fn space(text: &[u8], at: usize) -> End {
    let rest = text.get(at..).unwrap_or_default();
    let end = rest.iter().position(|byte| !matches!(byte, b' ' | b'\n' | b'\r' | b'\t'));
    end.map(|end| at + end).ok_or(Stop::More)
}

/// The end of `byte`, which must stand at `at`.
pub(super) fn expect(text: &[u8], at: usize, byte: u8) -> End {
    match text.get(at) {
        Some(found) if *found == byte => Ok(at + 1),
        Some(_) => Err(Stop::Declined),
        None => Err(Stop::More),
    }
}

/// A string in which nothing but `"` and `\` is escaped: where it ends, and what stands between the quotes.
pub(super) fn string(text: &[u8], at: usize) -> Result<(usize, Range<usize>), Stop> {
    let start = expect(text, at, b'"')?;
    let mut at = start;
    loop {
        let found = memchr2(b'"', b'\\', text.get(at..).unwrap_or_default()).ok_or(Stop::More)?;
        at += found;
        if text[at] == b'"' {
            return Ok((at + 1, start..at));
        }
        match text.get(at + 1) {
            Some(b'"' | b'\\') => at += 2,
            Some(_) => return Err(Stop::Declined),
            None => return Err(Stop::More),
        }
    }
}

/// The name of a member in canonical form, without any escape: its order is then the order of its bytes.
pub(super) fn name(text: &[u8], at: usize) -> Result<(usize, Range<usize>), Stop> {
    let (end, inside) = string(text, at)?;
    if memchr::memchr(b'\\', &text[inside.clone()]).is_some() {
        return Err(Stop::Declined);
    }
    Ok((end, inside))
}

/// Where the value begins of the member `name`, which must come next; `name` needs no escape.
pub(crate) fn member(text: &[u8], at: usize, name: &[u8]) -> Option<usize> {
    let begin = space(text, at).ok()?;
    let end = begin + name.len() + 2;
    let found = text.get(begin..end)?.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let colon = space(text, end).ok().filter(|_| found == name)?;
    space(text, expect(text, colon, b':').ok()?).ok()
}

/// A whole number as canonical JSON writes it.
pub(super) fn number(text: &[u8], at: usize) -> End {
    let start = at + usize::from(text.get(at) == Some(&b'-'));
    let rest = text.get(start..).unwrap_or_default();
    let digits = rest.iter().position(|byte| !byte.is_ascii_digit()).ok_or(Stop::More)?;
    let good = match digits {
        0 => false,
        1 => rest[0] != b'0' || start == at,
        2..=MAX_DIGITS => rest[0] != b'0',
        _ => false,
    };
    let fraction = matches!(rest[digits], b'.' | b'e' | b'E');
    if good && !fraction { Ok(start + digits) } else { Err(Stop::Declined) }
}

/// `true`, `false` or `null`.
fn literal(text: &[u8], at: usize) -> End {
    let word: &[u8] = match text.get(at) {
        Some(b't') => b"true",
        Some(b'f') => b"false",
        _ => b"null",
    };
    word.iter().try_fold(at, |at, byte| expect(text, at, *byte))
}

/// Where a value in canonical form ends.
pub(super) fn canonical(text: &[u8], at: usize, depth: usize) -> End {
    match text.get(at).ok_or(Stop::More)? {
        b'"' => Ok(string(text, at)?.0),
        b'{' => object(text, at, |_, at| canonical(text, at, depth + 1), depth),
        b'[' => {
            if depth > MAX_DEPTH {
                return Err(Stop::Declined);
            }
            let mut at = at + 1;
            if text.get(at) == Some(&b']') {
                return Ok(at + 1);
            }
            loop {
                at = canonical(text, at, depth + 1)?;
                match text.get(at).ok_or(Stop::More)? {
                    b',' => at += 1,
                    b']' => return Ok(at + 1),
                    _ => return Err(Stop::Declined),
                }
            }
        }
        b'-' | b'0'..=b'9' => number(text, at),
        _ => literal(text, at),
    }
}

/// Where an object in canonical form ends; `member` is given each name and where its value begins, and says where
/// the value ends.
pub(super) fn object<'t>(
    text: &'t [u8],
    at: usize,
    mut member: impl FnMut(&'t [u8], usize) -> End,
    depth: usize,
) -> End {
    if depth > MAX_DEPTH {
        return Err(Stop::Declined);
    }
    let mut at = expect(text, at, b'{')?;
    if text.get(at) == Some(&b'}') {
        return Ok(at + 1);
    }
    let mut before: Option<&[u8]> = None;
    loop {
        let (end, inside) = name(text, at)?;
        let key = &text[inside];
        if before.is_some_and(|before| before >= key) {
            return Err(Stop::Declined);
        }
        before = Some(key);
        at = member(key, expect(text, end, b':')?)?;
        match text.get(at).ok_or(Stop::More)? {
            b',' => at += 1,
            b'}' => return Ok(at + 1),
            _ => return Err(Stop::Declined),
        }
    }
}

/// Writes the canonical form of the value at `at` to `out`, and says where the value ends. Members must stand in
/// canonical order already.
pub(super) fn transcode(text: &[u8], at: usize, out: &mut Vec<u8>, depth: usize) -> End {
    if depth > MAX_DEPTH {
        return Err(Stop::Declined);
    }
    match text.get(at).ok_or(Stop::More)? {
        b'"' => transcode_string(text, at, out),
        b'{' => {
            out.push(b'{');
            let mut at = space(text, at + 1)?;
            if text[at] == b'}' {
                out.push(b'}');
                return Ok(at + 1);
            }
            let mut before: Option<Range<usize>> = None;
            loop {
                let (end, key) = transcode_name(text, at, out)?;
                if before.is_some_and(|before| out[before] >= out[key.clone()]) {
                    return Err(Stop::Declined);
                }
                before = Some(key);
                at = expect(text, space(text, end)?, b':')?;
                out.push(b':');
                at = transcode(text, space(text, at)?, out, depth + 1)?;
                at = space(text, at)?;
                out.push(text[at]);
                match text[at] {
                    b',' => at = space(text, at + 1)?,
                    b'}' => return Ok(at + 1),
                    _ => return Err(Stop::Declined),
                }
            }
        }
        b'[' => {
            out.push(b'[');
            let mut at = space(text, at + 1)?;
            if text[at] == b']' {
                out.push(b']');
                return Ok(at + 1);
            }
            loop {
                at = space(text, transcode(text, at, out, depth + 1)?)?;
                out.push(text[at]);
                match text[at] {
                    b',' => at = space(text, at + 1)?,
                    b']' => return Ok(at + 1),
                    _ => return Err(Stop::Declined),
                }
            }
        }
        b'-' | b'0'..=b'9' => {
            let end = number(text, at)?;
            out.extend_from_slice(&text[at..end]);
            Ok(end)
        }
        _ => {
            let end = literal(text, at)?;
            out.extend_from_slice(&text[at..end]);
            Ok(end)
        }
    }
}

/// The name of a member: where it ends in the text, and where it stands in `out`, without its quotes.
pub(super) fn transcode_name(
    text: &[u8],
    at: usize,
    out: &mut Vec<u8>,
) -> Result<(usize, Range<usize>), Stop> {
    let start = out.len() + 1;
    let end = transcode_string(text, at, out)?;
    let inside = start..out.len() - 1;
    if memchr::memchr(b'\\', &out[inside.clone()]).is_some() {
        return Err(Stop::Declined);
    }
    Ok((end, inside))
}

fn transcode_string(text: &[u8], at: usize, out: &mut Vec<u8>) -> End {
    let mut at = expect(text, at, b'"')?;
    out.push(b'"');
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let found = memchr2(b'"', b'\\', rest).ok_or(Stop::More)?;
        // JSON has no raw control character in a string.
        if controls(&rest[..found]) {
            return Err(Stop::Declined);
        }
        out.extend_from_slice(&rest[..found]);
        at += found;
        if text[at] == b'"' {
            out.push(b'"');
            return Ok(at + 1);
        }
        at = unescape(text, at + 1, out)?;
    }
}

/// Whether a control character is among the bytes.
pub(super) fn controls(bytes: &[u8]) -> bool {
    // Without a branch for each byte, so that it runs over many at once.
    bytes.iter().fold(false, |found, byte| found | (*byte < 0x20))
}

/// One target in canonical form, with a length and a hash that clients know: where it ends.
pub(super) fn target(text: &[u8], at: usize) -> End {
    let (mut length, mut hashes, mut known) = (false, false, false);
    let hash = |name: &[u8], at, known: &mut bool| {
        *known |= matches!(name, b"sha256" | b"sha512");
        Ok(string(text, at)?.0)
    };
    let member = |name: &[u8], at| match name {
        b"hashes" => {
            hashes = true;
            object(text, at, |name, at| hash(name, at, &mut known), 2)
        }
        b"length" => {
            length = true;
            if text.get(at) == Some(&b'-') { Err(Stop::Declined) } else { number(text, at) }
        }
        _ => canonical(text, at, 2),
    };
    let end = object(text, at, member, 1)?;
    if length && hashes && known { Ok(end) } else { Err(Stop::Declined) }
}

/// Where one target lies: its path and its value.
pub(super) struct Found {
    pub(super) path: Range<usize>,
    pub(super) value: Range<usize>,
}

/// One target in canonical form, with its path and the comma before it.
pub(super) fn canonical_target(text: &[u8], at: usize, first: bool) -> Result<Found, Stop> {
    let at = if first { at } else { expect(text, at, b',')? };
    let (end, path) = name(text, at)?;
    let value = expect(text, end, b':')?;
    Ok(Found { path, value: value..target(text, value)? })
}

/// One target that is not canonical as it lies: its canonical form goes to `out`. Where its path stands there, and its
/// value in the text.
pub(super) fn other_target(
    text: &[u8],
    at: usize,
    first: bool,
    out: &mut Vec<u8>,
) -> Result<(Range<usize>, Range<usize>), Stop> {
    let mut at = space(text, at)?;
    if !first {
        at = space(text, expect(text, at, b',')?)?;
        out.push(b',');
    }
    let (end, path) = transcode_name(text, at, out)?;
    at = space(text, expect(text, space(text, end)?, b':')?)?;
    out.push(b':');
    let value = out.len();
    let end = transcode(text, at, out, 1)?;
    target(out, value).map_err(|_| Stop::Declined)?;
    Ok((path, at..end))
}

/// What stands for the escape whose letter is at `at`, in canonical form.
fn unescape(text: &[u8], at: usize, out: &mut Vec<u8>) -> End {
    let byte = match text.get(at).ok_or(Stop::More)? {
        byte @ (b'"' | b'\\') => {
            out.push(b'\\');
            *byte
        }
        b'/' => b'/',
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'u' => return unescape_code(text, at + 1, out),
        _ => return Err(Stop::Declined),
    };
    out.push(byte);
    Ok(at + 1)
}

/// `\u` and four digits; two of them for what lies beyond 16 bits.
fn unescape_code(text: &[u8], at: usize, out: &mut Vec<u8>) -> End {
    let unit = |at: usize| -> Result<u32, Stop> {
        let digits = text.get(at..at + 4).ok_or(Stop::More)?;
        digits.iter().try_fold(0, |sum, digit| {
            char::from(*digit).to_digit(16).map(|digit| sum << 4 | digit).ok_or(Stop::Declined)
        })
    };
    let (mut code, mut end) = (unit(at)?, at + 4);
    if (0xd800..0xdc00).contains(&code) {
        end = expect(text, expect(text, end, b'\\')?, b'u')?;
        let low = unit(end)?;
        if !(0xdc00..0xe000).contains(&low) {
            return Err(Stop::Declined);
        }
        code = 0x1_0000 + ((code - 0xd800) << 10 | (low - 0xdc00));
        end += 4;
    }
    let letter = char::from_u32(code).ok_or(Stop::Declined)?;
    if letter == '"' || letter == '\\' {
        out.push(b'\\');
    }
    out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(end)
}

/// Where any JSON value ends, by its brackets alone; a strict reader reads it then.
pub(super) fn extent(text: &[u8], at: usize) -> End {
    let (mut at, mut depth) = (at, 0_usize);
    loop {
        match text.get(at).ok_or(Stop::More)? {
            b'"' => {
                at += 1;
                loop {
                    at += memchr2(b'"', b'\\', text.get(at..).unwrap_or_default()).ok_or(Stop::More)?;
                    match text[at] {
                        b'"' => break,
                        _ => at += 2,
                    }
                }
                at += 1;
            }
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' if depth > 0 => {
                depth -= 1;
                at += 1;
            }
            b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' if depth > 0 => at += 1,
            b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                let plain =
                    |byte: &u8| matches!(byte, b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z');
                at += text[at..].iter().position(|byte| !plain(byte)).ok_or(Stop::More)?;
            }
            _ => return Err(Stop::Declined),
        }
        if depth == 0 {
            return Ok(at);
        }
    }
}
