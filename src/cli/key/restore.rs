//! `keyrite key restore`: a key from its shares, into a new age file.

use std::path::Path;
use std::path::PathBuf;

use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::Output;
use crate::cli::answers::Answers;
use crate::cli::apart;
use crate::cli::key;
use crate::cli::prompt::Terminal;
use crate::cli::share;
use crate::driver::shares::share_at;
use crate::keystore::Store;
use crate::keystore::age_file::AgeFile;
use crate::keystore::shares;
use crate::keystore::shares::Head;
use crate::keystore::shares::Share;
use crate::keystore::shares::Unproven;
use crate::store_uri::StoreUri;
use crate::tuf::PublicKey;
use crate::words::counted;

const UNCHANGED: &str = "nothing was written";

pub(super) fn run(
    out: &mut Output,
    uri: &StoreUri,
    public: &Path,
    files: &[PathBuf],
    answers: Option<&Answers>,
) -> Result<(), Failure> {
    let StoreUri::Age(path) = uri else {
        let error = format!("a key that shares give back goes into an age file, not into {uri}; {UNCHANGED}");
        return Err(Failure::new(Exit::Input, error, "name a new file: age:PATH"));
    };
    let opening = key::opening();
    let mut store = AgeFile::new(opening.base.join(path), path, opening.work_factor);
    store.check_free().map_err(key::failed)?;
    let public = PublicKey::read(&apart::read(public)?).map_err(|error| {
        let error = format!("{}: {error}; {UNCHANGED}", apart::shown(public));
        Failure::new(Exit::Input, error, "give the public half that the ceremony wrote: keys/NAME.pub.json")
    })?;
    let mut given: Vec<Share> = Vec::new();
    for file in files {
        let share = share_at(file).map_err(|why| {
            let error = format!("{}: {why}; {UNCHANGED}", apart::shown(file));
            Failure::new(Exit::Input, error, "give an image or a text of one share, or type its words")
        })?;
        join(share, &mut given, &public).map_err(refused)?;
    }
    if answers.is_none() && wanted(&given) > given.len() {
        ask(&mut given, &public)?;
    }
    let restored = shares::restore(&given, &public).map_err(refused)?;
    let name = store.name();
    let secret = key::new_passphrase(out, &name, uri, answers)?;
    let found = store.restore(&secret, &restored).map_err(key::failed)?;
    drop(restored);
    if !out.json {
        out.line(format!("{} gave the key back; each of them was proven.", counted(given.len(), "share")));
    }
    key::report(out, &name, &found)
}

/// How many shares it takes, as those that are there say.
fn wanted(given: &[Share]) -> usize {
    given.first().map_or(2, |share| share.head().split.threshold().into())
}

/// A share that is of this key and not of a rehearsal, and not there yet.
fn join(share: Share, given: &mut Vec<Share>, public: &PublicKey) -> Result<(), Unproven> {
    let split = given.first().unwrap_or(&share).head().split;
    shares::joins(&share, given, &Head::new(public, split, 1, false))?;
    given.push(share);
    Ok(())
}

/// Asks for as many shares as it takes, and for more where there are.
fn ask(given: &mut Vec<Share>, public: &PublicKey) -> Result<(), Failure> {
    let mut terminal = Terminal::open()?;
    loop {
        let enough = !given.is_empty() && given.len() >= wanted(given);
        let of = given.first().map_or(0, |share| usize::from(share.head().split.of()));
        if enough && given.len() == of {
            return Ok(());
        }
        let what = match enough {
            true => {
                "Enough shares are there. Another one is proven too: a file, or `words`; Enter restores: "
            }
            false => "A share: Enter, and then its words; or the name of a file with it: ",
        };
        let typed = terminal.line(what)?;
        let share = match (typed.trim(), enough) {
            ("", true) => return Ok(()),
            ("" | "words", _) => {
                share::typed(&mut terminal, shares::rows(public.scheme()))?.ok_or_else(String::new)
            }
            (file, _) if share::misplaced(&mut terminal, file)? => Err(String::new()),
            (file, _) => share_at(Path::new(file)),
        };
        let joined = share.and_then(|share| {
            let head = share.head();
            join(share, given, public).map(|()| head).map_err(|why| why.to_string())
        });
        match joined {
            Ok(head) => terminal.say(&format!("Taken: {head}."))?,
            Err(why) if why.is_empty() => {}
            Err(why) => terminal.say(&format!("Not taken: {why}."))?,
        }
    }
}

fn refused(why: Unproven) -> Failure {
    let hint = match why {
        Unproven::TooFew { .. } => "give more shares with --share, or type them at a terminal",
        Unproven::OtherMode(_) => "a rehearsal's key is public knowledge; use the real shares",
        Unproven::OtherSet(_) => "compare the beginning of the keyid that stands on each share",
        Unproven::Twice(_) => "leave one of the two out",
        Unproven::None(_) | Unproven::Wrong(_) => {
            "find out whose share is wrong, and restore with the others"
        }
    };
    Failure::new(Exit::No, format!("{why}; {UNCHANGED}"), hint)
}
