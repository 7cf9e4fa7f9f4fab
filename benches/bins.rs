//! How long a group of hash bins takes: a million target files in 16,384 bins, built, signed under one login, counted.
//!
//! The mark is over placing, building, signing and the files; each signature is verified three times on the way
//! (by the store, as it comes in, and for the threshold), which is told apart.

use std::collections::BTreeMap;
use std::time::Duration;
use std::time::Instant;

use ed25519_dalek::Signer;
use ed25519_dalek::SigningKey;
use keyrite::tuf::Bytes;
use keyrite::tuf::PublicKey;
use keyrite::tuf::RoleKeys;
use keyrite::tuf::delegations::group::Group;
use keyrite::tuf::delegations::group::Terms;
use keyrite::tuf::delegations::layout::Layout;
use keyrite::tuf::targets::Files;
use keyrite::tuf::targets::TargetFile;
use sha2::Digest;
use sha2::Sha256;

const FILES: u32 = 1_000_000;
const BINS: u64 = 16_384;
/// What placing, building, signing and writing may take together.
const MARK: Duration = Duration::from_millis(1430);

fn main() {
    let files = Files::of((0..FILES).map(file).collect::<BTreeMap<_, _>>()).expect("a text");
    let terms = Terms {
        layout: Layout::new(BINS, "bin").expect("a power of two"),
        expires: "2027-01-03T09:00:00Z".parse().expect("a date"),
        extra: serde_json::Map::new(),
    };
    let signer = SigningKey::from_bytes(&[1; 32]);
    let key = PublicKey::ed25519(signer.verifying_key().to_bytes());

    let (mut group, build) =
        timed("place and build", || Group::build(&terms, files.listed(), |_| 1).expect("a text"));
    let (signatures, sign) = timed("sign", || {
        let sign = |payload: Bytes| signer.sign(&payload).to_bytes().to_vec();
        group.payloads().into_iter().map(sign).collect::<Vec<_>>()
    });
    timed("verify each as it comes in", || group.add(&key.keyid(), &key, &signatures).expect("they verify"));
    let role_keys = RoleKeys { keys: BTreeMap::from([(key.keyid(), key)]), threshold: 1 };
    timed("count for the threshold", || group.verify(&role_keys).expect("it is met"));
    let (meta, describe) = timed("files and what snapshot says of them", || group.meta());
    let bytes: u64 = meta.values().filter_map(|meta| meta.length).sum();
    let whole = build + sign + describe;
    println!("{} bins, {} MiB: {:.2} s without verification", meta.len(), bytes >> 20, whole.as_secs_f64());
    if whole > MARK {
        eprintln!("that is more than {:.2} s", MARK.as_secs_f64());
        std::process::exit(1);
    }
}

fn file(n: u32) -> (String, TargetFile) {
    let sha256 = hex::encode(Sha256::digest(n.to_be_bytes()));
    let path = format!("packages/{}/{}/package-{n}.tar.gz", &sha256[..2], &sha256[2..8]);
    let hashes = BTreeMap::from([("sha256".to_owned(), sha256)]);
    (path, TargetFile { length: u64::from(n) * 4096, hashes: hashes.into(), custom: None })
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = work();
    let took = start.elapsed();
    println!("{what}: {:.3} s", took.as_secs_f64());
    (done, took)
}
