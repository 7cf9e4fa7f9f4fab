//! The tokens that the tests play with: software tokens in a directory of their own, each in its own environment.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use keyrite::keystore::Found;
use keyrite::keystore::error::StoreErrorKind;
use tempfile::TempDir;

use super::scene::Came;
use super::scene::Do;
use super::scene::Refusal;
use crate::common::keyrite::example;

pub(crate) const PIN: &str = "123456";
pub(crate) const SO_PIN: &str = "12345678";
/// The token that every world has.
pub(crate) const LABEL: &str = "ROOT-BO";

const SOFTHSM: [&str; 2] =
    ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"];

/// A module with one token, `ROOT-BO`.
pub(crate) struct World {
    pub(crate) module: PathBuf,
    pub(crate) dir: TempDir,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) kryoptic: bool,
}

/// Says that a test is left out. In CI nothing is left out: there it fails.
pub(crate) fn left_out<T>(what: &str) -> Option<T> {
    assert!(std::env::var("CI").is_err(), "{what}, and CI leaves nothing out");
    eprintln!("LEFT OUT: {what}");
    None
}

impl World {
    pub(crate) fn softhsm() -> Option<Self> {
        let Some(module) = SOFTHSM.iter().map(PathBuf::from).find(|path| path.is_file()) else {
            return left_out("SoftHSM is not installed (apt install softhsm2)");
        };
        let dir = tempfile::tempdir().unwrap();
        let tokens = dir.path().join("tokens");
        fs::create_dir(&tokens).unwrap();
        let conf = dir.path().join("softhsm2.conf");
        let text = format!("directories.tokendir = {}\nobjectstore.backend = file\n", tokens.display());
        fs::write(&conf, text).unwrap();
        let env = BTreeMap::from([("SOFTHSM2_CONF".to_owned(), conf.display().to_string())]);
        let world = Self { module, dir, env, kryoptic: false };
        world.add_token(LABEL);
        Some(world)
    }

    pub(crate) fn kryoptic() -> Option<Self> {
        let Some(module) = std::env::var_os("KEYRITE_TEST_KRYOPTIC").map(PathBuf::from) else {
            return left_out("KEYRITE_TEST_KRYOPTIC does not name the module of tests/kryoptic-token");
        };
        let dir = tempfile::tempdir().unwrap();
        let conf = dir.path().join("kryoptic.conf");
        let mut text = String::new();
        for slot in 0..2 {
            let db = dir.path().join(format!("token{slot}.sql"));
            text +=
                &format!("[[slots]]\nslot = {slot}\ndbtype = \"sqlite\"\ndbargs = \"{}\"\n", db.display());
        }
        fs::write(&conf, text).unwrap();
        let env = BTreeMap::from([("KRYOPTIC_CONF".to_owned(), conf.display().to_string())]);
        let world = Self { module, dir, env, kryoptic: true };
        world.add_token_in(0, LABEL);
        Some(world)
    }

    /// Initialises one more token.
    pub(crate) fn add_token(&self, label: &str) {
        if self.kryoptic {
            return self.add_token_in(1, label);
        }
        let arguments = ["--init-token", "--free", "--label", label, "--so-pin", SO_PIN, "--pin", PIN];
        self.tool("softhsm2-util", &arguments);
    }

    fn add_token_in(&self, slot: u32, label: &str) {
        let slot = slot.to_string();
        self.pkcs11_tool(&["--slot", &slot, "--init-token", "--label", label, "--so-pin", SO_PIN]);
        let so = ["--slot", &slot, "--login", "--login-type", "so", "--so-pin", SO_PIN];
        self.pkcs11_tool(&[&so[..], &["--init-pin", "--new-pin", PIN]].concat());
    }

    /// OpenSC's tool, on this module.
    pub(crate) fn pkcs11_tool(&self, arguments: &[&str]) -> String {
        let module = self.module.display().to_string();
        self.tool("pkcs11-tool", &[&["--module", &module], arguments].concat())
    }

    /// Makes a key pair with OpenSC's tool, as a vendor's tool would have.
    pub(crate) fn foreign_key(&self, label: &str, id: &str, more: &[&str]) {
        let key = ["--keypairgen", "--key-type", "EC:prime256v1", "--label", label, "--id", id];
        let login = ["--token-label", LABEL, "--login", "--pin", PIN];
        self.pkcs11_tool(&[&login[..], &key, more].concat());
    }

    fn tool(&self, program: &str, arguments: &[&str]) -> String {
        let out = self.command(program).args(arguments).output().unwrap();
        assert!(out.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    /// A program in this world's environment and no other.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/bin:/bin").envs(&self.env);
        command
    }

    /// A STORE on the token `ROOT-BO`.
    pub(crate) fn uri(&self, object: &str) -> String {
        format!("pkcs11:token={LABEL};object={object}?module-path={}", self.module.display())
    }

    /// Plays a scene in a process of its own.
    pub(crate) fn play(&self, scene: &[Do]) -> Vec<Came> {
        self.play_with(scene, self.command(example("play")))
    }

    /// The same, by a command that ends with the program that plays.
    pub(crate) fn play_with(&self, scene: &[Do], mut command: Command) -> Vec<Came> {
        let (script, answer) = (self.dir.path().join("scene.json"), self.dir.path().join("answer.json"));
        fs::write(&script, serde_json::to_vec(scene).unwrap()).unwrap();
        command.arg(env!("CARGO_BIN_EXE_keyrite")).args([&script, &answer]);
        let out = command.output().unwrap();
        assert!(
            out.status.success(),
            "{}{}",
            String::from_utf8_lossy(&out.stdout),
            String::from_utf8_lossy(&out.stderr)
        );
        let came = serde_json::from_slice(&fs::read(&answer).unwrap()).unwrap();
        fs::remove_file(&answer).unwrap();
        came
    }
}

pub(crate) fn look(uri: &str) -> Do {
    Do::Look { uri: uri.to_owned() }
}

pub(crate) fn generate(uri: &str, scheme: &str) -> Do {
    let bits = (scheme == "rsassa-pss-sha256").then_some(2048);
    Do::Generate { uri: uri.to_owned(), pin: Some(PIN.to_owned()), scheme: scheme.to_owned(), bits }
}

pub(crate) fn find(uri: &str) -> Do {
    Do::Find { uri: uri.to_owned(), pin: Some(PIN.to_owned()) }
}

pub(crate) fn sign(uri: &str, payloads: &[&str]) -> Do {
    sign_with(uri, PIN, payloads)
}

pub(crate) fn sign_with(uri: &str, pin: &str, payloads: &[&str]) -> Do {
    let payloads = payloads.iter().map(|payload| (*payload).to_owned()).collect();
    Do::Sign { uri: uri.to_owned(), pin: Some(pin.to_owned()), public: None, payloads }
}

pub(crate) fn tool(program: &str, arguments: &[&str]) -> Do {
    let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    Do::Tool { program: program.to_owned(), arguments }
}

impl Came {
    #[track_caller]
    pub(crate) fn failed(&self) -> &Refusal {
        match self {
            Self::Failed(error) => error,
            other => panic!("did not fail: {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn failed_with(&self, kind: StoreErrorKind, text: &str) {
        let error = self.failed();
        assert_eq!(error.kind, kind, "{error:?}");
        assert!(error.text.contains(text), "{:?} does not say {text:?}", error.text);
        assert!(!error.hint.is_empty(), "{:?} says nothing of what to do", error.text);
    }

    #[track_caller]
    pub(crate) fn found(&self) -> &Found {
        match self {
            Self::Found(Some(found)) => found,
            other => panic!("no key: {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn signed(&self) -> usize {
        match self {
            Self::Signed(signatures) => signatures.len(),
            other => panic!("not signed: {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn seen(&self) -> &serde_json::Value {
        match self {
            Self::Seen(sight) => sight,
            other => panic!("not seen: {other:?}"),
        }
    }
}
