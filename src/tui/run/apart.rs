//! The screens of signing apart, run: a store works on a thread of its own, files are read and made here.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::Sender;
use std::thread;

use secrecy::SecretString;

use crate::driver::Options;
use crate::driver::Stop;
use crate::driver::apart;
use crate::driver::apart::Signing;
use crate::keystore::Opening;
use crate::store_uri::StoreUri;
use crate::tuf::apart::Request;
use crate::tuf::apart::Response;
use crate::tui::apart::merge;
use crate::tui::apart::merge::Merging;
use crate::tui::apart::sign;
use crate::tui::apart::sign::Sign;
use crate::tui::message::Message;
use crate::tui::nearby::asked;
use crate::tui::nearby::asked::Asked;
use crate::tui::run::Tty;
use crate::tui::run::Word;
use crate::tui::run::no_terminal;
use crate::tui::view;

/// How many names are tried for a response.
const NAMES: usize = 99;

/// A request from its review to its answer, or to the merge of answers.
pub(super) fn open(tty: &mut Tty, asked: &Asked, options: &Options) -> Result<(), Stop> {
    let Ok(request) = &asked.request else { return Ok(()) };
    let file = asked.file.display().to_string();
    let size = tty.size().map_err(|error| no_terminal(&error))?;
    let now = options.clock.now();
    let mut screen = Sign::new(file, Arc::clone(request), asked.tallies.clone(), now, size, tty.palette);
    let mut errand: Option<Sender<Option<SecretString>>> = None;
    loop {
        let moves = screen.moves();
        let message =
            tty.next_moving(screen.focus(), moves, |frame| view::apart::sign::view(&screen, frame))?;
        match screen.update(message) {
            Some(sign::Effect::Look(uri)) => errand = Some(send(tty, request, uri, &asked.file, options)),
            Some(sign::Effect::Sign(secret)) => {
                // When its thread is gone it has said so, and the next word is that.
                if let Some(errand) = errand.take() {
                    drop(errand.send(secret));
                }
            }
            // The thread hears that nobody will send a secret, and closes the store.
            Some(sign::Effect::Forget) => errand = None,
            Some(sign::Effect::Merge) => {
                merge(tty, asked, request)?;
                let size = tty.size().map_err(|error| no_terminal(&error))?;
                screen.update(Message::Resized(size.0, size.1));
            }
            Some(sign::Effect::Leave) => return Ok(()),
            None => {}
        }
    }
}

/// Answers, until people leave.
fn merge(tty: &mut Tty, asked: &Asked, request: &Arc<Request>) -> Result<(), Stop> {
    let file = asked.file.display().to_string();
    let nearby = asked::answers(&asked.file).iter().map(|path| path.display().to_string()).collect();
    let size = tty.size().map_err(|error| no_terminal(&error))?;
    let mut screen = Merging::new(file, Arc::clone(request), nearby, size, tty.palette);
    loop {
        let message = tty.next(screen.focus(), |frame| view::apart::merge::view(&screen, frame))?;
        match screen.update(message) {
            Some(merge::Effect::Read(path)) => {
                let read = apart::read_answers(&[path], |name, sent| {
                    let sent = sent.map(<[u8]>::to_vec).map_err(str::to_owned);
                    screen.update(Message::Read(name.to_owned(), sent));
                });
                if let Err(stop) = read {
                    let error = format!("{}; nothing was taken in", stop.error);
                    screen.update(Message::Unread(Stop { error, ..stop }));
                }
            }
            Some(merge::Effect::Write(path, bytes)) => {
                let written = apart::write_new(&path, &bytes).map(|()| path.display().to_string());
                screen.update(Message::Wrote(written));
            }
            Some(merge::Effect::Leave) => return Ok(()),
            None => {}
        }
    }
}

/// Sends a store to its own thread: it looks, waits for the secret, signs, and writes the response.
fn send(
    tty: &Tty,
    request: &Arc<Request>,
    uri: StoreUri,
    beside: &Path,
    options: &Options,
) -> Sender<Option<SecretString>> {
    let (secrets, for_store) = mpsc::channel();
    let screen = Line(tty.to_me.clone());
    let (request, beside) = (Arc::clone(request), beside.to_owned());
    let opening = Opening {
        default_module: options.default_module.clone(),
        probe: options.program.clone(),
        ..Opening::production("")
    };
    thread::spawn(move || work(&request, &uri, opening, &beside, &for_store, &screen));
    secrets
}

fn work(
    request: &Request,
    uri: &StoreUri,
    opening: Opening,
    beside: &Path,
    secrets: &Receiver<Option<SecretString>>,
    screen: &Line,
) {
    let opened = Signing::open(request, uri, opening);
    let looked = opened.and_then(|mut signing| signing.look().map(|sight| (signing, sight)));
    let signing = match looked {
        Ok((signing, sight)) => {
            screen.say(Message::Looked(Ok(sight)));
            signing
        }
        Err(stop) => return screen.say(Message::Looked(Err(stop))),
    };
    let Ok(secret) = secrets.recv() else { return };
    let signed = signing.sign(secret.as_ref());
    // A signature that no file holds is shown all the same.
    screen.say(Message::Signed(signed.map(|response| (write(&response, beside), response))));
}

/// Writes the response beside the request, under a name that is free.
fn write(response: &Response, beside: &Path) -> Result<String, Stop> {
    let role: String = response
        .role
        .chars()
        .map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' })
        .collect();
    let stem = format!("{role}-{}-{:.8}", response.version, response.keyid.0);
    let name = |n: usize| if n == 1 { format!("{stem}.response") } else { format!("{stem}-{n}.response") };
    let mut paths = (1..=NAMES).map(|n| beside.with_file_name(name(n)));
    let path: PathBuf = paths.find(|path| path.symlink_metadata().is_err()).unwrap_or_default();
    apart::write_new(&path, &response.to_file())?;
    Ok(path.display().to_string())
}

/// A store's line to the screen. A defect of the program breaks it, and the screen is told.
struct Line(Sender<Word>);

impl Line {
    fn say(&self, message: Message) {
        // A screen that has left needs to be told nothing.
        drop(self.0.send(Word::Said(message)));
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if thread::panicking() {
            drop(self.0.send(Word::Left));
        }
    }
}
