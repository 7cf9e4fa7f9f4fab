//! Shares of keys: each to its holder, on the screen or on a drive, and all of them back in a drill.

use std::path::Path;
use std::sync::Arc;

use secrecy::ExposeSecret;
use secrecy::SecretString;
use zeroize::Zeroize;
use zeroize::Zeroizing;

use crate::ceremony::Event;
use crate::ceremony::Mode;
use crate::driver::Driver;
use crate::driver::disk;
use crate::driver::prompt::Ask;
use crate::driver::prompt::GiveAsk;
use crate::driver::prompt::Given;
use crate::driver::prompt::Prompt;
use crate::driver::shown;
use crate::driver::stop::Stop;
use crate::driver::stores;
use crate::keystore::shares;
use crate::keystore::shares::BadShare;
use crate::keystore::shares::Head;
use crate::keystore::shares::MARK;
use crate::keystore::shares::Share;
use crate::keystore::shares::Split;
use crate::keystore::shares::Unproven;
use crate::paper;
use crate::paper::Sheet;
use crate::plan::Plan;
use crate::plan::Step;
use crate::plan::Verb;
use crate::qr::image;
use crate::tuf::proof;

/// The largest file with a share, in bytes: a page from a scanner.
pub const MAX_SHARE_FILE: u64 = 64 << 20;

type Events = Vec<Event>;

/// A share from a file: an image of its code, or a text with it or with its words. Why there is none, never quoting it.
pub fn share_in(bytes: &[u8]) -> Result<Share, String> {
    let told = |why: BadShare| why.to_string();
    if !image::is_image(bytes) {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is neither an image nor a text".to_owned())?;
        return Share::read(text).map_err(told);
    }
    let mut texts = image::read(bytes).map_err(|why| why.to_string())?;
    let marked: Vec<&String> = texts.iter().filter(|text| text.contains(MARK)).collect();
    let share = match marked.as_slice() {
        [] => Err("a code is in the image, and it carries no share".to_owned()),
        [one] => Share::read(one).map_err(told),
        _ => Err("several shares are in the image: give one at a time".to_owned()),
    };
    texts.zeroize();
    share
}

/// The share in a file.
pub fn share_at(path: &Path) -> Result<Share, String> {
    let bytes = disk::read(path, MAX_SHARE_FILE).map_err(|error| error.to_string())?;
    share_in(&Zeroizing::new(bytes))
}

impl Driver {
    /// The share that is shown to its holder now. It goes when the holder goes on.
    pub fn share(&self) -> Option<Arc<Share>> {
        self.share.clone()
    }

    /// What everyone may know of the share of a holder.
    fn head_of(&self, key: &str, holder: &str) -> Option<Head> {
        let planned = self.ceremony.plan().key(key)?.shares.as_ref()?;
        let split = Split::new(planned.threshold, planned.of())?;
        let public = &self.ceremony.known(key)?.public;
        let rehearsal = self.ceremony.mode() == Mode::Rehearsal;
        Some(Head::new(public, split, planned.index(holder)?, rehearsal))
    }

    /// A share of an opened key: ready to be shown to its holder, or written to a drive.
    pub(super) fn share_key(
        &mut self,
        step: &Step,
        (key, to, drive): (&str, &str, Option<&str>),
        secret: Option<&SecretString>,
        events: &mut Events,
    ) -> Result<(), Stop> {
        let (Some(head), Some(known)) = (self.head_of(key, to), self.ceremony.known(key).cloned()) else {
            return self.failed(step, "not-now", format!("key {key} is not known yet"), events);
        };
        if !self.ceremony.started() {
            self.record(Event::Started { step: step.id.clone() }, events)?;
        }
        self.power_cut(step)?;
        let made =
            self.store(key).and_then(|mut store| store.share(secret, &known.public, head.split, head.index));
        match (made, drive) {
            (Err(error), _) => self.store_failed(step, key, &error, events),
            (Ok(share), None) => {
                self.share = Some(Arc::new(share));
                Ok(())
            }
            (Ok(share), Some(drive)) => match self.write_share(&share, (key, to, drive)) {
                Ok(()) => self.shared(step, key, to, head, events),
                Err(why) => self.failed(step, "export", why, events),
            },
        }
    }

    /// The holder has written the share down.
    pub(super) fn written_down(
        &mut self,
        step: &Step,
        key: &str,
        to: &str,
        events: &mut Events,
    ) -> Result<(), Stop> {
        match (self.share.take(), self.head_of(key, to)) {
            (Some(_), Some(head)) => self.shared(step, key, to, head, events),
            _ => Ok(()),
        }
    }

    fn shared(
        &mut self,
        step: &Step,
        key: &str,
        to: &str,
        head: Head,
        events: &mut Events,
    ) -> Result<(), Stop> {
        let Verb::ShareKey { drive, .. } = &step.verb else { return Ok(()) };
        let (index, threshold, of) = (head.index, head.split.threshold(), head.split.of());
        let (step, key, to, drive) = (step.id.clone(), key.to_owned(), to.to_owned(), drive.clone());
        self.record(Event::KeyShared { step, key, to, index, threshold, of, drive }, events)
    }

    /// Whose share comes next in a drill, and what those before gave.
    pub(super) fn giving(&self, key: &str, prompt: &mut Prompt) -> Ask {
        let Some((holder, rows)) = self.next_giver(key) else { return Ask::Continue };
        let plan = self.ceremony.plan();
        plan.name(&holder).clone_into(&mut prompt.who);
        prompt.sees.extend(self.given.iter().map(|share| format!("given: {}", share.head())));
        if self.ceremony.mode() == Mode::Rehearsal {
            prompt
                .sees
                .push("a rehearsal protects nothing: give a share of this rehearsal, and no real one".into());
        }
        Ask::Give(GiveAsk { key: key.to_owned(), holder, rows })
    }

    fn next_giver(&self, key: &str) -> Option<(String, usize)> {
        let planned = self.ceremony.plan().key(key)?.shares.as_ref()?;
        let gave = |holder: &&String| {
            self.given.iter().any(|share| Some(share.head().index) == planned.index(holder))
        };
        let holder = planned.holders.iter().find(|holder| !gave(holder))?;
        Some((holder.clone(), shares::rows(self.ceremony.known(key)?.public.scheme())))
    }

    /// One share comes in: checked at once, and with all others when it is the last.
    pub(super) fn take_share(&mut self, step: &Step, given: Given, events: &mut Events) -> Result<(), Stop> {
        let Verb::RestoreShares(key) = &step.verb else { return Ok(()) };
        let Some((holder, _)) = self.next_giver(key) else { return Ok(()) };
        let name = self.ceremony.plan().name(&holder).to_owned();
        let taken = self.read_share(key, &holder, given).and_then(|share| self.belongs(key, &holder, share));
        match taken {
            Ok(share) => {
                self.given.push(share);
                self.settled = true;
            }
            Err(why) => {
                let why = format!("what {name} gave is not this share: {why}. Nothing was restored");
                return self.failed(step, "share", why, events);
            }
        }
        if self.next_giver(key).is_some() { Ok(()) } else { self.restore(step, key, events) }
    }

    fn read_share(&self, key: &str, holder: &str, given: Given) -> Result<Share, String> {
        match given {
            Given::Words(words) => Share::read(words.expose_secret()).map_err(|why| why.to_string()),
            Given::File(file) => {
                // What was typed may be words of a share in the wrong place: it is never quoted.
                share_at(&self.places.inputs.join(file.trim()))
                    .map_err(|why| format!("the file that was named: {why}"))
            }
            Given::Rehearsed => {
                let plan = self.ceremony.plan();
                match (plan.key(key), self.head_of(key, holder), self.ceremony.mode()) {
                    (Some(key), Some(head), Mode::Rehearsal) => {
                        stores::rehearsed_share(plan, key, &self.places, head.split, head.index)
                            .map_err(|error| error.text)
                    }
                    _ => Err("only a rehearsal simulates it".to_owned()),
                }
            }
        }
    }

    /// The share, when it is the one that this holder has.
    fn belongs(&self, key: &str, holder: &str, share: Share) -> Result<Share, String> {
        let wanted = self.head_of(key, holder).ok_or_else(|| format!("key {key} has no shares"))?;
        if share.head() != wanted {
            return Err(format!("it is {}, and {wanted} is asked for", share.head()));
        }
        shares::joins(&share, &self.given, &wanted).map_err(|why| why.to_string()).map(|()| share)
    }

    /// All shares are there: each is proven, and the key signs a text that is thrown away.
    fn restore(&mut self, step: &Step, key: &str, events: &mut Events) -> Result<(), Stop> {
        let Some(known) = self.ceremony.known(key).cloned() else { return Ok(()) };
        let holders = self.ceremony.plan().key(key).and_then(|key| key.shares.clone()).unwrap_or_default();
        let restored = shares::restore(&self.given, &known.public);
        if let Err(Unproven::Wrong(wrong)) = &restored {
            // Those of the others are good, and need not be given again.
            self.given.retain(|share| !wrong.contains(&share.head().index));
        } else {
            self.given.clear();
        }
        let name = |index: &u8| {
            let holder = holders.holders.get(usize::from(*index).saturating_sub(1));
            holder.map(|holder| self.ceremony.plan().name(holder).to_owned()).unwrap_or_default()
        };
        let restored = match restored {
            Ok(restored) => restored,
            Err(why) => {
                let whose = match &why {
                    Unproven::Wrong(wrong) => {
                        let names: Vec<String> = wrong.iter().map(name).collect();
                        format!(", held by {}", names.join(", "))
                    }
                    _ => String::new(),
                };
                return self.failed(step, "share", format!("{why}{whose}. The key did not sign"), events);
            }
        };
        let signed = proof::message(&known.public, &self.ceremony.plan().id)
            .map_err(|why| why.to_string())
            .and_then(|message| restored.sign(&known.public, &message));
        match signed {
            Ok(sig) => {
                let (step, key, keyid) = (step.id.clone(), key.to_owned(), known.keyid);
                let sig = hex::encode(sig);
                self.record(Event::Drilled { step, key, keyid, sig, shares: holders.holders }, events)
            }
            Err(why) => self.failed(step, "share", format!("{why}. The key did not sign"), events),
        }
    }

    /// The page, the code and the text of a share, on a drive; code and text are read back as they will be. What a run
    /// before this one wrote is the same, and stays.
    fn write_share(&self, share: &Share, (key, to, drive): (&str, &str, &str)) -> Result<(), String> {
        let at = self.drive_at(drive)?;
        let (plan, head) = (self.ceremony.plan(), share.head());
        let says = says(plan, &head, key, to, self.ceremony.known(key).map(|known| known.keyid.0.clone()));
        let (text, lines) = (share.text(), share.lines());
        let title = format!("Share {} of {} of key {key}", head.index, head.split.of());
        let mark = head.rehearsal.then_some("REHEARSAL");
        let sheet = Sheet { id: &plan.id, title: &title, mark, says: &says, code: &text, words: &lines };
        let page = Zeroizing::new(paper::share(&sheet));
        let code = Zeroizing::new(image::png(&text).ok_or("the share fits no code")?);
        let rows = Zeroizing::new(lines.join("\n"));
        let words = Zeroizing::new([&says.join("\n"), "\n\n", &rows, "\n\n", &text, "\n"].concat());
        let files = [("html", page.as_bytes()), ("png", &**code), ("txt", words.as_bytes())];
        let name = |kind: &str| at.join(format!("{key}-share-{}.{kind}", head.index));
        for (kind, bytes) in files {
            let path = name(kind);
            let there =
                disk::read(&path, MAX_SHARE_FILE).map(Zeroizing::new).is_ok_and(|there| **there == *bytes);
            if !there {
                disk::create(&path, bytes).map_err(|error| unwritten(&path, &error))?;
            }
        }
        disk::sync(&at).map_err(|error| unwritten(&at, &error))?;
        for kind in ["png", "txt"] {
            let back = share_at(&name(kind)).map_err(|why| format!("{}: {why}", shown(&name(kind))))?;
            if *back.text() != *text {
                return Err(format!("{} reads back as another share", shown(&name(kind))));
            }
        }
        Ok(())
    }
}

fn unwritten(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}; the share was not handed out", shown(path))
}

/// What stands above a share on paper: whose it is, of which key, and how it is kept.
fn says(plan: &Plan, head: &Head, key: &str, to: &str, keyid: Option<String>) -> Vec<String> {
    let (need, of) = (head.split.threshold(), head.split.of());
    let mut says = vec![
        format!(
            "For {} alone. Key {key} of {}, from ceremony {}.",
            plan.name(to),
            plan.holder_of(key),
            plan.id
        ),
        format!("Its keyid is {}", keyid.unwrap_or_default()),
        format!(
            "Any {need} of the {of} shares give the key back: whoever brings {need} together has it. Keep this one sealed, and where no other of them lies."
        ),
        "Print it once, compare the words, scan it back, and destroy this file: a drive is not for keeping."
            .to_owned(),
        format!(
            "`keyrite key restore STORE --public {key}.pub.json` takes the words below, or a picture of the code."
        ),
    ];
    if head.rehearsal {
        says.push("REHEARSAL: this key is public knowledge.".to_owned());
    }
    says
}
