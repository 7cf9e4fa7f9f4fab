//! Where fuzzing starts: the project's own files, what its writers write, and what was found once.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use keyrite::qr;
use keyrite::tuf::Metadata;
use keyrite::tuf::apart::Response;
use keyrite::tuf::apart::carry;
use serde_json::Value;
use serde_json::json;

use super::world;

/// The metadata of a production ceremony.
pub(crate) const BEFORE: [(&str, &[u8]); 4] = [
    ("1.root.json", include_bytes!("../../snapshots/bundles/fixed-keys/metadata/1.root.json")),
    ("1.snapshot.json", include_bytes!("../../snapshots/bundles/fixed-keys/metadata/1.snapshot.json")),
    ("1.targets.json", include_bytes!("../../snapshots/bundles/fixed-keys/metadata/1.targets.json")),
    ("timestamp.json", include_bytes!("../../snapshots/bundles/fixed-keys/metadata/timestamp.json")),
];
pub(crate) const QUICKSTART: &[u8] = include_bytes!("../../ceremonies/quickstart/ceremony.yaml");
pub(crate) const OTHER_SCHEMES: &[u8] = include_bytes!("../../tests/data/other-schemes/root.json");
/// Public keys as openssl writes them: P-256, P-384, RSA.
pub(crate) const KEYS: [&[u8]; 3] = [
    include_bytes!("../seeds/key/p256.pem"),
    include_bytes!("../seeds/key/p384.pem"),
    include_bytes!("../seeds/key/rsa.pem"),
];

/// The seeds of a target.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    let mut seeds = folder(&top().join("fuzz/found").join(target));
    seeds.extend(folder(&top().join("fuzz/seeds").join(target)));
    seeds.extend(made(target));
    seeds
}

fn made(target: &str) -> Vec<Vec<u8>> {
    match target {
        "answers" => vec![include_bytes!("../../ceremonies/quickstart/answers.yaml").to_vec()],
        "apart_merge" | "apart_request" | "carried" => apart(),
        "bundle_manifest" => ["fixed-keys", "quickstart"]
            .map(|name| read(&top().join("snapshots/bundles").join(name).join("MANIFEST.json")))
            .to_vec(),
        "canonical" => documents().iter().flat_map(|file| [file.clone(), payload(file)]).collect(),
        "diff" => {
            let (one, two) = (world::file(&world::root(1)), world::file(&world::root(2)));
            let targets = [world::file(&targets()), world::file(&bins())].join(&0);
            vec![[one, two].join(&0), targets, [BEFORE[1].1, BEFORE[1].1].join(&0)]
        }
        "image" => images(),
        "metadata" => documents(),
        "names" => {
            let name = json!({"name": "ana", "holder": "Ana Duarte"});
            vec![json!({world::keyid().0: name}).to_string().into_bytes()]
        }
        "plan" => ["tests/data/bad-plans", "tests/data/bad-later-plans"]
            .iter()
            .flat_map(|dir| folder(&top().join(dir)))
            .chain([QUICKSTART.to_vec(), read(&top().join("tests/data/good-plan.yaml"))])
            .collect(),
        "plan_later" => world::drafts(),
        "key" => keys(),
        "proof" => {
            let proof = json!({"keyrite-proof": 1, "keyid": world::keyid(), "scheme": "ed25519",
                "challenge": "2027-06-add-dev", "sig": "00".repeat(64)});
            vec![proof.to_string().into_bytes(), world::file(&targets())]
        }
        "repository" => repositories(),
        "signature" => vec![
            vec![7; 64],
            "0a".repeat(64).into_bytes(),
            b"EC-SHA2-256(payload)= 3006020101020101".to_vec(),
            b"MAYCAQECAQE=".to_vec(),
            hex::decode("3006020101020101").unwrap_or_default(),
        ],
        "store_uri" => {
            ["age:keys/ana.age", "pkcs11:token=ROOT%20BO;serial=0a1b;id=%02%FF?module-path=/usr/lib/x.so"]
                .map(|text| text.as_bytes().to_vec())
                .to_vec()
        }
        "stream" => streams(),
        "targets_manifest" => {
            let one = json!({"length": 4, "hashes": {"sha256": "ab".repeat(32)}, "custom": {"any": "thing"}});
            vec![json!({"targets": {"app/1.0.tgz": one}}).to_string().into_bytes()]
        }
        _ => Vec::new(),
    }
}

fn documents() -> Vec<Vec<u8>> {
    let others = [world::root(1), targets(), bins(), snapshot(), timestamp()];
    let ours = BEFORE.iter().map(|(_, file)| file.to_vec());
    ours.chain(others.iter().map(world::file)).chain([OTHER_SCHEMES.to_vec()]).collect()
}

fn payload(file: &[u8]) -> Vec<u8> {
    Metadata::parse(file).map(|metadata| metadata.payload().to_vec()).unwrap_or_default()
}

fn targets() -> Value {
    let one =
        json!({"length": 5, "hashes": {"sha256": "ab".repeat(32)}, "custom": {"a": [1, null, "\u{e9}"]}});
    let two = json!({"length": 0, "hashes": {"sha512": "cd".repeat(64), "x": "y"}});
    let delegated = json!({"name": "dev", "keyids": [world::keyid()], "threshold": 1, "terminating": true,
        "paths": ["dev/*", "a?"]});
    let delegations = json!({"keys": world::keys(&[1]), "roles": [delegated]});
    world::part("targets", json!({"targets": {"a/b.txt": one, "c": two}, "delegations": delegations}))
}

fn bins() -> Value {
    let succinct = json!({"keyids": [world::keyid()], "threshold": 1, "bit_length": 2, "name_prefix": "bin"});
    let delegations = json!({"keys": world::keys(&[1]), "succinct_roles": succinct});
    world::part("targets", json!({"version": 2, "targets": {}, "delegations": delegations}))
}

fn prefixes() -> Value {
    let role = |(name, prefix): (&str, &str)| {
        json!({"name": name, "keyids": [world::keyid()], "threshold": 1, "terminating": false,
            "path_hash_prefixes": [prefix]})
    };
    let roles: Vec<Value> = [("low", "0"), ("high", "f")].map(role).to_vec();
    let delegations = json!({"keys": world::keys(&[1]), "roles": roles});
    world::part("targets", json!({"targets": {}, "delegations": delegations}))
}

fn snapshot() -> Value {
    let meta = json!({"targets.json": {"version": 1}, "dev.json": {"version": 1}});
    world::part("snapshot", json!({"meta": meta}))
}

fn timestamp() -> Value {
    world::part("timestamp", json!({"meta": {"snapshot.json": {"version": 1}}}))
}

fn repositories() -> Vec<Vec<u8>> {
    let dev =
        world::part("targets", json!({"targets": {"dev/x": {"length": 1, "hashes": {"sha256": "00"}}}}));
    let join = |first: &[u8], files: &[(&str, Vec<u8>)]| {
        let parts: Vec<Vec<u8>> =
            files.iter().map(|(name, bytes)| [name.as_bytes(), b"\n", bytes].concat()).collect();
        [first, &parts.join(&0)].concat()
    };
    let whole = |top: Value| {
        [
            ("1.root.json", world::file(&world::root(1))),
            ("2.root.json", world::file(&world::root(2))),
            ("timestamp.json", world::file(&timestamp())),
            ("1.snapshot.json", world::file(&snapshot())),
            ("1.targets.json", world::file(&top)),
            ("1.dev.json", world::file(&dev)),
        ]
    };
    let ours = BEFORE.map(|(name, file)| (name, file.to_vec()));
    let mut cycle = dev.clone();
    cycle["delegations"] = targets()["delegations"].clone();
    let mut cyclic = whole(targets());
    cyclic[5].1 = world::file(&cycle);
    vec![
        join(b"\x00", &whole(targets())),
        join(b"\x01", &whole(targets())),
        join(b"\x06", &whole(prefixes())),
        join(b"\x02", &whole(bins())),
        join(b"\x04", &cyclic),
        join(b"\x03", &ours),
    ]
}

fn streams() -> Vec<Vec<u8>> {
    let mut parts: Vec<Vec<u8>> =
        [targets(), bins(), prefixes()].iter().map(|part| payload(&world::file(part))).collect();
    parts.extend(serde_json::to_vec_pretty(&targets()));
    parts
        .into_iter()
        .enumerate()
        .map(|(n, part)| [&[b"\x07\x40\xff\x01"[n % 4]], &part[..]].concat())
        .collect()
}

fn apart() -> Vec<Vec<u8>> {
    let request = world::signing_request();
    let sha256 = request.sha256();
    let signature = world::signatures(request.metadata.payload(), &[1]).remove(0);
    let bytes = hex::decode(&signature.sig).unwrap_or_default();
    let response = Response::new("root", 2, &sha256, signature.keyid, "ed25519", &bytes);
    let mut seeds = vec![request.to_file(), response.to_file(), bytes, signature.sig.into_bytes()];
    seeds.push(request.metadata.to_file());
    seeds.extend(carry::request(&request.to_file()).map(|frames| frames.join("\n").into_bytes()));
    seeds.extend(carry::response(&response).map(|frames| frames.join("\n").into_bytes()));
    seeds.extend(carry::lines(&response).map(|lines| lines.join("\n").into_bytes()));
    seeds.push([world::file(&world::root(2)), world::file(&world::root(1))].join(&0));
    seeds
}

fn images() -> Vec<Vec<u8>> {
    let modules = qr::modules("KR1:AB", qrcode::EcLevel::L).unwrap_or_default();
    let side = modules.len() * 2;
    let mut grey = format!("P5 {side} {side} 255\n").into_bytes();
    for y in 0..side {
        grey.extend((0..side).map(|x| if modules[y / 2][x / 2] { 0 } else { 255 }));
    }
    let bits = b"P4 9 2\n\xff\x80\x00\x00".to_vec();
    qr::image::png("KR1:AB").into_iter().chain([grey, bits]).collect()
}

fn keys() -> Vec<Vec<u8>> {
    let sslib = json!({"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyid_hash_algorithms": ["sha256", "sha512"],
        "keyval": {"public": String::from_utf8_lossy(KEYS[0])}});
    let ecdsa = json!({"keytype": "ecdsa-sha2-nistp256", "scheme": "ecdsa-sha2-nistp256", "keyval": {"public":
        "04ee0eeca1c1ac77108271 6bd64bfe53271a3edf51cc6668d2ea60ef2418706dafa254f6a16767203dbf7e571bb55dadde77ffac963e4c228983735 93cda1e7d2"
            .replace(' ', "")}});
    let rsa = json!({"keytype": "rsa", "scheme": "rsassa-pss-sha256",
        "keyval": {"private": "", "public": String::from_utf8_lossy(KEYS[2])}});
    let Ok(other) = serde_json::from_slice::<Value>(OTHER_SCHEMES) else { return Vec::new() };
    let other = other["signed"]["keys"].as_object().into_iter().flatten().map(|(_, key)| key.clone());
    let json = [sslib, ecdsa, rsa, world::public(1).to_json().clone()].into_iter().chain(other);
    json.map(|key| key.to_string().into_bytes()).collect()
}

/// The files of a folder, in order; none where it is not there.
fn folder(dir: &Path) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    files.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_default()
}

/// The project's folder: this is compiled in it and in `fuzz`.
fn top() -> PathBuf {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    dir.parent().filter(|_| dir.ends_with("fuzz")).unwrap_or(dir).to_owned()
}
