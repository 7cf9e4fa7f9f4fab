//! Keyrite takes a group of people through a key ceremony, offline, from one reviewed file.
//!
//! ```text
//!         main
//!      cli     tui            front ends: ask, show; they never import each other
//!        driver               glue: perform -> apply -> record; the only caller of keystore and disk
//!   keystore  bundle          devices; what leaves the room
//!         paper               pure: the script and the record, as pages
//!        journal              pure: the hash chain
//!        ceremony             pure: what happened, what is next
//!          plan               pure: what was asked
//!          room               pure: how a step changes the room
//!        witness              pure: what others sign of a journal
//!   tuf  store_uri  words  qr pure: what the standards say
//! ```
//!
//! A module imports only from below it; `tests/it/layers.rs` proves it.

pub mod assess;
pub mod bundle;
pub mod ceremony;
pub mod cli;
pub mod draft;
pub mod driver;
pub mod journal;
pub mod keystore;
pub mod lint;
pub mod paper;
pub mod plan;
pub mod qr;
pub mod room;
pub mod status;
pub mod store_uri;
pub mod tuf;
pub mod tui;
pub mod witness;
pub mod words;
