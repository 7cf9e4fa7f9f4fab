//! The full-screen front end: what to do, who does it, what is still missing.
//!
//! Keys become messages (`keymap`), messages change the screen (`app`, `home`), and the screen is drawn (`view`).
//! All of that is pure; `run` alone touches the terminal. It decides nothing: the driver does.

pub mod apart;
pub mod app;
pub mod code;
pub mod entry;
pub mod field;
pub mod home;
pub mod keymap;
pub mod message;
pub mod nearby;
pub mod reading;
pub mod repository;
pub mod run;
pub mod scene;
pub mod start;
pub mod style;
pub mod view;
pub mod window;

use crate::driver::Driver;
use crate::driver::Options;
use crate::driver::Stop;
use crate::tui::run::WriteDraft;

/// Takes a ceremony to its end, or to where it stops.
pub fn ceremony(driver: Driver) -> Result<(), Stop> {
    run::with_terminal(|tty| run::perform(tty, driver, false)).map(|lines| run::say(&lines))
}

/// The home screen, and the ceremony that is chosen there.
pub fn home(options: Options, write: WriteDraft) -> Result<(), Stop> {
    run::with_terminal(|tty| run::home(tty, &options, write)).map(|lines| run::say(&lines))
}
