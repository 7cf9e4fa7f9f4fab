//! How long a token of SoftHSM takes to sign thousands of payloads under one login: through the store, and bare.
//!
//! Bare is `C_SignInit` and `C_Sign` in one session of this process, and one verification of ours. The store starts its
//! worker, hands it the payloads and verifies what comes back; the mark is over all of that. SoftHSM signs in less time
//! than a real token needs to be asked, so what is told last is what is added to each signature.

use std::env;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::ExitCode;
use std::time::Duration;
use std::time::Instant;

use cryptoki::context::CInitializeArgs;
use cryptoki::context::CInitializeFlags;
use cryptoki::context::Pkcs11;
use cryptoki::error::Error;
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::MechanismType;
use cryptoki::mechanism::eddsa::EddsaParams;
use cryptoki::mechanism::eddsa::EddsaSignatureScheme;
use cryptoki::mechanism::rsa::PkcsMgfType;
use cryptoki::mechanism::rsa::PkcsPssParams;
use cryptoki::object::Attribute;
use cryptoki::object::ObjectClass;
use cryptoki::session::UserType;
use keyrite::keystore;
use keyrite::keystore::Opening;
use keyrite::tuf::Bytes;
use keyrite::tuf::PublicKey;
use keyrite::tuf::Scheme;
use secrecy::SecretString;
use sha2::Digest;
use sha2::Sha256;

const MODULES: [&str; 2] =
    ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"];
const LABEL: &str = "BENCH";
const PIN: &str = "123456";
/// A bin of a few files, and one of hundreds.
const SIZES: [usize; 2] = [2_000, 60_000];
const ROUNDS: usize = 5;
/// What the store may take, to what is bare.
const MARK: f64 = 1.05;

fn main() -> ExitCode {
    let Some(module) = MODULES.iter().map(PathBuf::from).find(|path| path.is_file()) else {
        eprintln!("SoftHSM is not installed (apt install softhsm2)");
        return ExitCode::FAILURE;
    };
    if env::args().nth(1).as_deref() == Some("measure") {
        measure(&module);
        return ExitCode::SUCCESS;
    }
    let measured = in_a_world_of_its_own();
    if measured { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs this program again where SoftHSM has one token, in a directory that goes away.
fn in_a_world_of_its_own() -> bool {
    let dir = tempfile::tempdir().expect("a directory");
    let (tokens, conf) = (dir.path().join("tokens"), dir.path().join("softhsm2.conf"));
    fs::create_dir(&tokens).expect("a directory");
    let text = format!("directories.tokendir = {}\nobjectstore.backend = file\n", tokens.display());
    fs::write(&conf, text).expect("a file");
    let run = |program: &Path, arguments: &[&str]| {
        let status = Command::new(program).args(arguments).env("SOFTHSM2_CONF", &conf).status();
        status.expect("it runs").success()
    };
    let token = ["--init-token", "--free", "--label", LABEL, "--so-pin", "12345678", "--pin", PIN];
    let own = env::current_exe().expect("this program");
    run(Path::new("softhsm2-util"), &token) && run(&own, &["measure"])
}

fn measure(module: &Path) {
    println!("scheme, bytes: bare, with the store, ratio (mark {MARK}), added to each");
    for (scheme, bits, count) in [
        (Scheme::Ed25519, None, 2000),
        (Scheme::EcdsaP256, None, 2000),
        (Scheme::RsaPssSha256, Some(3072), 500),
    ] {
        let uri = format!("pkcs11:token={LABEL};object={scheme}?module-path={}", module.display());
        let opening =
            Opening { probe: env!("CARGO_BIN_EXE_keyrite").into(), ..Opening::production(PathBuf::new()) };
        let mut store = keystore::open(&uri.parse().expect("a STORE"), &opening).expect("a store");
        let pin = SecretString::from(PIN);
        let public = store.generate(Some(&pin), scheme, bits).expect("a key").public;
        for size in SIZES {
            let payloads: Vec<Vec<u8>> = (0..count).map(|n: u32| payload(n, size)).collect();
            let (mut bare, mut stored) = (Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                bare.push(timed(|| sign_bare(module, &public, &payloads).expect("it signs")));
                // Made anew each time, for what was verified is remembered with them.
                let payloads: Vec<Bytes> = payloads.iter().map(|payload| payload.clone().into()).collect();
                stored.push(timed(|| drop(store.sign(Some(&pin), &public, &payloads).expect("it signs"))));
            }
            let (bare, stored) = (median(bare) / count, median(stored) / count);
            println!(
                "{scheme}, {size}: {bare:.1?}, {stored:.1?}, {:.2}, {:.1?}",
                stored.as_secs_f64() / bare.as_secs_f64(),
                stored.saturating_sub(bare)
            );
        }
    }
}

fn payload(n: u32, size: usize) -> Vec<u8> {
    n.to_be_bytes().into_iter().cycle().take(size).collect()
}

/// One session and one login, and for each payload one signature and one verification.
fn sign_bare(module: &Path, public: &PublicKey, payloads: &[Vec<u8>]) -> Result<(), Error> {
    let p11 = Pkcs11::new(module)?;
    p11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
    let slot = p11.get_slots_with_token()?[0];
    let session = p11.open_ro_session(slot)?;
    session.login(UserType::User, Some(&SecretString::from(PIN)))?;
    let scheme = public.scheme();
    let label = Attribute::Label(scheme.as_str().as_bytes().to_vec());
    let key = session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY), label])?[0];
    let pss =
        PkcsPssParams { hash_alg: MechanismType::SHA256, mgf: PkcsMgfType::MGF1_SHA256, s_len: 32.into() };
    for payload in payloads {
        let digest = || Sha256::digest(payload);
        let signature = match scheme {
            Scheme::EcdsaP256 => {
                let raw = session.sign(&Mechanism::Ecdsa, key, &digest())?;
                p256::ecdsa::Signature::from_slice(&raw).expect("r and s").to_der().as_bytes().to_vec()
            }
            Scheme::RsaPssSha256 => session.sign(&Mechanism::RsaPkcsPss(pss), key, &digest())?,
            _ => {
                let pure = EddsaParams::new(EddsaSignatureScheme::Pure);
                session.sign(&Mechanism::Eddsa(pure), key, payload)?
            }
        };
        public.verify(payload, &signature).expect("it verifies");
    }
    drop(session);
    p11.finalize()
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
