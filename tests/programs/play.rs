//! Plays a scene with the library, in a process of its own: a module reads its configuration from the environment, and lives
//! once in a process. `play PROGRAM SCENE ANSWER`: PROGRAM is keyrite, in which modules run.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a scene that cannot go on fails its test")]

#[path = "../it/pkcs11/scene.rs"]
mod scene;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use keyrite::keystore::Store;
use keyrite::keystore::StoreError;
use keyrite::keystore::pkcs11;
use keyrite::keystore::pkcs11::Settings;
use keyrite::store_uri::StoreUri;
use keyrite::tuf::Bytes;
use keyrite::tuf::PublicKey;
use secrecy::SecretString;

use crate::scene::Came;
use crate::scene::Do;
use crate::scene::Refusal;

/// How often a state is asked for before the test gives up. A look starts a process, so this is half a minute or more.
const TRIES: usize = 5000;

fn main() {
    let mut given = std::env::args_os().skip(1).map(PathBuf::from);
    let [program, scene, answer] = [(); 3].map(|()| given.next().unwrap());
    let scene: Vec<Do> = serde_json::from_slice(&fs::read(scene).unwrap()).unwrap();
    let mut stage = Stage { program, stores: BTreeMap::new(), last: None };

    let came: Vec<Came> = scene.into_iter().map(|action| stage.act(action)).collect();

    fs::write(answer, serde_json::to_vec(&came).unwrap()).unwrap();
}

impl From<StoreError> for Came {
    fn from(error: StoreError) -> Self {
        Self::Failed(Refusal { kind: error.kind, text: error.text, hint: error.hint })
    }
}

/// How often the process has waited for something: for the virtual card, twice a command or so.
fn turns(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
    line.trim().parse().unwrap()
}

struct Stage {
    program: PathBuf,
    stores: BTreeMap<String, Box<dyn Store>>,
    last: Option<PublicKey>,
}

fn secret(pin: &Option<String>) -> Option<SecretString> {
    pin.clone().map(SecretString::from)
}

impl Stage {
    fn store(&mut self, uri: &str) -> Result<&mut Box<dyn Store>, StoreError> {
        if !self.stores.contains_key(uri) {
            let StoreUri::Pkcs11(parsed) = uri.parse().unwrap() else { panic!("{uri} is no token") };
            let settings =
                Settings { default_module: None, module_sha256: None, program: self.program.clone() };
            self.stores.insert(uri.to_owned(), pkcs11::open(&parsed, &settings)?);
        }
        Ok(self.stores.get_mut(uri).unwrap())
    }

    fn act(&mut self, action: Do) -> Came {
        self.try_act(action).unwrap_or_else(Came::from)
    }

    fn try_act(&mut self, action: Do) -> Result<Came, StoreError> {
        Ok(match action {
            Do::Look { uri } => Came::Seen(serde_json::to_value(self.store(&uri)?.look()?).unwrap()),
            Do::Await { uri, failure, row } => {
                let mut in_a_row = 0;
                for _ in 0..TRIES {
                    let came = self.store(&uri)?.look().map_err(|error| error.kind).err();
                    in_a_row = if came == failure { in_a_row + 1 } else { 0 };
                    if in_a_row == row {
                        return Ok(Came::Done(String::new()));
                    }
                }
                panic!("{uri} never came to {failure:?}");
            }
            Do::Generate { uri, pin, scheme, bits } => {
                let scheme = scheme.parse().unwrap();
                let found = self.store(&uri)?.generate(secret(&pin).as_ref(), scheme, bits)?;
                self.last = Some(found.public.clone());
                Came::Found(Some(found))
            }
            Do::Find { uri, pin } => {
                let found = self.store(&uri)?.find(secret(&pin).as_ref())?;
                if let Some(found) = &found {
                    self.last = Some(found.public.clone());
                }
                Came::Found(found)
            }
            Do::Sign { uri, pin, public, payloads } => {
                let given = public.map(|json| PublicKey::from_json(&json).unwrap());
                let public = given.or_else(|| self.last.clone()).unwrap();
                let payloads: Vec<Bytes> = payloads.iter().map(|payload| payload.as_bytes().into()).collect();
                let signed = self.store(&uri)?.sign(secret(&pin).as_ref(), &public, &payloads)?;
                for (payload, signature) in payloads.iter().zip(&signed) {
                    public.verify(payload, signature).unwrap();
                }
                Came::Signed(signed.iter().map(hex::encode).collect())
            }
            Do::Tool { program, arguments } => {
                let out = Command::new(&program).args(&arguments).output().unwrap();
                assert!(out.status.success(), "{program} {arguments:?}: {out:?}");
                Came::Done(String::from_utf8_lossy(&out.stdout).into_owned())
            }
            Do::Signal { variable, usr1, after } => {
                let number: i32 = std::env::var(variable).unwrap().parse().unwrap();
                let pid = rustix::process::Pid::from_raw(number).unwrap();
                let signal = if usr1 { rustix::process::Signal::USR1 } else { rustix::process::Signal::USR2 };
                let start = turns(number);
                let send = move || {
                    while turns(number) < start + after {
                        std::thread::yield_now();
                    }
                    rustix::process::kill_process(pid, signal).unwrap();
                };
                if after == 0 {
                    send();
                } else {
                    std::thread::spawn(send);
                }
                Came::Done(String::new())
            }
        })
    }
}
