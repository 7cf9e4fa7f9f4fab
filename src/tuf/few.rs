//! Many names in few words, the same wherever people read them: the first of many, and roles that follow one another.

/// How many of many names are named, where one more is not the last.
pub const NAMED: usize = 3;

/// `a, b, c and 14 more`: those that are shown, of so many.
pub fn and_more<S: AsRef<str>>(shown: &[S], all: usize) -> String {
    and_more_by(", ", shown, all)
}

/// The same with other words between them: `1 of A, or 2 of B and 14 more`.
pub fn and_more_by<S: AsRef<str>>(between: &str, shown: &[S], all: usize) -> String {
    let named = shown.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(between);
    match all.saturating_sub(shown.len()) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// The first of many names, and how many more there are; one more is named as well.
pub fn few<S: AsRef<str>>(names: &[S]) -> String {
    few_of(names, names.len())
}

/// The same of so many, where the first of them are at hand: one more than are named, if there are.
pub fn few_of<S: AsRef<str>>(names: &[S], all: usize) -> String {
    match names.get(..NAMED).filter(|_| all > NAMED + 1) {
        Some(first) => and_more(first, all),
        None => and_more(names, all),
    }
}

/// Roles that follow one another and differ in nothing that matters, as bins do: `bin-0 .. bin-f`.
pub fn run(first: &str, last: &str) -> String {
    if first == last { first.to_owned() } else { format!("{first} .. {last}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_is_counted_and_one_alone_is_named() {
        let names = ["a", "b", "c", "d", "e"];

        assert_eq!(few(&names), "a, b, c and 2 more");
        assert_eq!(few(&names[..4]), "a, b, c, d");
        assert_eq!(few(&names[..0]), "");
        assert_eq!(and_more(&names[..1], 16), "a and 15 more");
        assert_eq!((run("bin-0", "bin-f"), run("a", "a")), ("bin-0 .. bin-f".to_owned(), "a".to_owned()));
    }
}
