//! What can be shown as a QR code: digests, and public keys in the longest form that the screen can hold.

use qrcode::EcLevel;

use crate::driver::Body;
use crate::driver::Prompt;
use crate::qr;
use crate::tui::app::App;
use crate::tui::app::Stage;
use crate::tui::scene::PublicKeyView;
use crate::words::Digest;

/// Rows of modules, `true` where they are dark, with the quiet zone.
pub type Square = Vec<Vec<bool>>;

/// Columns and rows of the terminal that a code beside the step may take.
const BESIDE: (u16, u16) = (74, 19);

/// One thing to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// What it is.
    pub title: String,
    /// Lines beside the code, for comparing.
    pub beside: Vec<String>,
    /// What the code may carry, each with its name: the first one that fits is shown.
    pub forms: Vec<(&'static str, String)>,
}

impl Code {
    /// A digest.
    pub fn digest(of: &str, digest: &Digest) -> Self {
        let hex = digest.hex();
        let beside =
            hex.as_bytes().chunks(16).map(|part| String::from_utf8_lossy(part).into_owned()).collect();
        Self {
            title: format!("SHA-256 of {of}"),
            beside,
            forms: vec![("64 hex digits", hex.to_ascii_uppercase())],
        }
    }

    fn key(key: &PublicKeyView) -> Self {
        let base64: String = key.pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let parts = key.keyid.as_bytes().chunks(16).map(|part| String::from_utf8_lossy(part).into_owned());
        let mut beside = vec![key.holder.clone(), key.scheme.clone(), String::new(), "keyid".to_owned()];
        beside.extend(parts);
        Self {
            title: format!("Public key {}", key.name),
            beside,
            forms: vec![
                ("the key as PEM", key.pem.clone()),
                ("the key in base64, as between the lines of PEM", base64),
                ("its keyid alone: the key is too long for this screen", key.keyid.to_ascii_uppercase()),
            ],
        }
    }

    /// The code to be shown beside the step, below its title.
    pub fn square(&self) -> Option<(String, Square)> {
        let (_, square) = self.fitting(BESIDE.0, BESIDE.1)?;
        Some((self.title.clone(), square))
    }

    /// The first form whose code fits into this many columns and rows of the terminal.
    pub fn fitting(&self, columns: u16, rows: u16) -> Option<(&'static str, Square)> {
        let fits = |square: &Square| {
            square.len() <= usize::from(columns) && square.len().div_ceil(2) <= usize::from(rows)
        };
        self.forms.iter().find_map(|(what, text)| {
            let levels = [EcLevel::M, EcLevel::L];
            let square = levels.into_iter().find_map(|level| qr::modules(text, level).filter(fits))?;
            Some((*what, square))
        })
    }
}

/// The public keys known so far.
pub fn keys(keys: &[PublicKeyView]) -> Vec<Code> {
    keys.iter().map(Code::key).collect()
}

/// The digests that are on the screen.
pub fn digests(app: &App) -> Vec<Code> {
    match (&app.scene.prompt, &app.scene.closing) {
        _ if !app.has_digest() => Vec::new(),
        _ if matches!(app.stage, Stage::Between(_)) => {
            vec![Code::digest("the journal so far: its head", &app.scene.head)]
        }
        (Some(Prompt { body: Body::Words { of, digest }, .. }), _) => vec![Code::digest(of, digest)],
        (Some(Prompt { body: Body::Review { digests, .. }, .. }), _) => {
            digests.iter().map(|(of, digest)| Code::digest(of, digest)).collect()
        }
        (None, Some(closing)) => {
            let mut codes = vec![Code::digest("the last line of the journal: its head", &app.scene.head)];
            codes.extend(closing.root.iter().map(|(file, digest)| Code::digest(file, digest)));
            codes
        }
        _ => Vec::new(),
    }
}
