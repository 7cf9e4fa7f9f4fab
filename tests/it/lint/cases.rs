//! One world for each rule, bent in exactly that way.

use ed25519_dalek::Signer;
use keyrite::tuf::KeyId;
use keyrite::tuf::Metadata;
use keyrite::tuf::Signature;
use serde_json::Value;
use serde_json::json;
use sha2::Digest;
use sha2::Sha256;

use crate::apart::openssl::openssl;
use crate::tuf::world::*;

/// A bent world.
pub(crate) struct Case {
    /// The rule that must be found.
    pub(crate) rule: &'static str,
    /// The target that a client asks for.
    pub(crate) target: &'static str,
    pub(crate) set: Set,
}

/// A key that openssl made, on P-256 and on P-384, RSA, and an ML-DSA-44 key of another tool: public halves alone.
const P256: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt\n6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n-----END PUBLIC KEY-----\n";

fn case(rule: &'static str, bend: impl FnOnce(&mut World)) -> Case {
    let mut world = world();
    bend(&mut world);
    Case { rule, target: "app.txt", set: world.build() }
}

/// The world as files, spoiled afterwards.
fn spoiled(rule: &'static str, spoil: impl FnOnce(&mut Set)) -> Case {
    let mut set = world().build();
    spoil(&mut set);
    Case { rule, target: "app.txt", set }
}

fn asking(target: &'static str, case: Case) -> Case {
    Case { target, ..case }
}

/// The newest root, which its own keys 7, 2, 3 sign and 1, 2, 3 before it.
fn root_of(world: &mut World) -> &mut Value {
    &mut world.roots[1].0
}

fn replace(set: &mut Set, file: &str, from: &str, to: &str) {
    let text = String::from_utf8(set.0[file].clone()).unwrap();
    assert!(text.contains(from), "{file} has no {from}");
    set.0.insert(file.to_owned(), text.replacen(from, to, 1).into_bytes());
}

/// Snapshot and timestamp signed anew over files that were changed.
fn relisted(set: &mut Set, changed: &str) {
    let mut snapshot = Metadata::parse(&set.0["5.snapshot.json"]).unwrap().signed().clone();
    let role = changed.split('.').nth(1).unwrap();
    snapshot["meta"][format!("{role}.json")] =
        meta(&set.0[changed], &snapshot["meta"][format!("{role}.json")]["version"]);
    set.put("5.snapshot.json", &signed_by(&snapshot, &[5]));
    let mut timestamp = Metadata::parse(&set.0["timestamp.json"]).unwrap().signed().clone();
    timestamp["meta"]["snapshot.json"] = meta(&set.0["5.snapshot.json"], &json!(5));
    set.put("timestamp.json", &signed_by(&timestamp, &[6]));
}

/// A targets role with an arbitrary text, signed by key 4 over the payload that the most lenient reader sees.
fn targets_text(set: &mut Set, text: &str, payload: &str) {
    let sig = hex::encode(signer(4).sign(payload.as_bytes()).to_bytes());
    let keyid = public(4).keyid();
    let file = format!(r#"{{"signatures":[{{"keyid":"{keyid}","sig":"{sig}"}}],"signed":{text}}}"#);
    set.0.insert("3.targets.json".to_owned(), file.into_bytes());
    relisted(set, "3.targets.json");
}

fn text_case(rule: &'static str, change: impl FnOnce(&str) -> (String, String)) -> Case {
    spoiled(rule, |set| {
        let canonical =
            String::from_utf8(Metadata::parse(&set.0["3.targets.json"]).unwrap().payload().to_vec());
        let (text, payload) = change(&canonical.unwrap());
        targets_text(set, &text, &payload);
    })
}

/// A key object that is listed in the newest root beside those that sign.
fn with_key(rule: &'static str, keyid: impl FnOnce(&Value) -> String, key: Value) -> Case {
    case(rule, |world| {
        let keyid = keyid(&key);
        let root = root_of(world);
        root["keys"][&keyid] = key;
        root["roles"]["root"]["keyids"].as_array_mut().unwrap().push(json!(keyid));
    })
}

fn hash(json: &Value) -> String {
    hex::encode(Sha256::digest(keyrite::tuf::canonical::to_vec(json).unwrap()))
}

fn key(keytype: &str, scheme: &str, public: &str) -> Value {
    json!({"keytype": keytype, "scheme": scheme, "keyval": {"public": public}})
}

fn spare() -> Value {
    public(9).to_json().clone()
}

fn delegations(world: &mut World) -> &mut Value {
    &mut world.role("targets")["delegations"]
}

fn dev(world: &mut World) -> &mut Value {
    &mut delegations(world)["roles"][0]
}

/// Nothing is wrong.
pub(crate) fn good() -> Set {
    world().build()
}

/// Every case.
pub(crate) fn all() -> Vec<Case> {
    [text(), envelope(), keys_(), roles(), chain(), metas(), target_files(), delegated(), graph()]
        .into_iter()
        .flatten()
        .collect()
}

fn text() -> Vec<Case> {
    vec![
        spoiled("NOT-JSON", |set| {
            set.0.insert("timestamp.json".into(), b"{\"signed\": ".to_vec());
        }),
        text_case("DUPLICATE-JSON-KEY", |text| {
            (text.replacen(r#""version":3"#, r#""version":2,"version":3"#, 1), text.to_owned())
        }),
        text_case("NUMBER-NOT-WHOLE", |text| {
            let text = text.replacen(r#""version":3"#, r#""version":3,"x":1.5"#, 1);
            (text.clone(), text)
        }),
        text_case("NUMBER-ABOVE-64-BITS", |text| {
            let text = text.replacen(r#""version":3"#, r#""version":3,"x":100000000000000000000"#, 1);
            (text.clone(), text)
        }),
        case("TRUE-FOR-A-NUMBER", |world| {
            let mut other = target(b"other");
            other["length"] = json!(true);
            world.role("targets")["targets"]["other.txt"] = other;
        }),
        case("NUMBER-ABOVE-2-53", |world| world.role("targets")["x"] = json!(1_u64 << 60)),
        case("TEXT-NOT-NFC", |world| world.role("targets")["x"] = json!("Cafe\u{301}")),
        case("KEY-ORDER-ABOVE-U-FFFF", |world| {
            world.role("targets")["x"] = json!({"\u{1f511}": 1, "\u{ff21}": 2});
        }),
    ]
}

fn envelope() -> Vec<Case> {
    let no_signatures = |set: &mut Set, to: &str| {
        let signed = Metadata::parse(&set.0["timestamp.json"]).unwrap().signed().clone();
        let text = format!(r#"{{"signatures":{to},"signed":{signed}}}"#);
        set.0.insert("timestamp.json".into(), text.into_bytes());
    };
    let more_signatures = |set: &mut Set, more: Value| {
        let mut file: Value = serde_json::from_slice(&set.0["timestamp.json"]).unwrap();
        file["signatures"].as_array_mut().unwrap().push(more);
        set.0.insert("timestamp.json".into(), serde_json::to_vec(&file).unwrap());
    };
    let large = "x".repeat(600_000);
    vec![
        spoiled("NOT-METADATA", |set| {
            replace(set, "timestamp.json", r#""_type":"timestamp""#, r#""_type":"time""#)
        }),
        spoiled("SIGNATURES-NULL", |set| no_signatures(set, "null")),
        spoiled("EMPTY-SIGNATURE", |set| more_signatures(set, json!({"keyid": "ab", "sig": ""}))),
        spoiled("SIGNATURE-NOT-HEX", |set| more_signatures(set, json!({"keyid": "ab", "sig": "zz"}))),
        spoiled("SIGNATURE-INCOMPLETE", |set| more_signatures(set, json!({"keyid": "ab"}))),
        spoiled("SIGNATURE-INCOMPLETE", |set| more_signatures(set, json!({"sig": "ab"}))),
        spoiled("SIGNATURE-NO-TEXT", |set| more_signatures(set, json!({"keyid": "ab", "sig": null}))),
        spoiled("SIGNATURE-NO-TEXT", |set| more_signatures(set, json!({"keyid": "ab", "sig": 7}))),
        spoiled("SIGNATURES-BY-ONE-KEYID", |set| {
            let file: Value = serde_json::from_slice(&set.0["timestamp.json"]).unwrap();
            more_signatures(set, file["signatures"][0].clone());
        }),
        case("SPEC-VERSION-WITHOUT-PATCH", |world| root_of(world)["spec_version"] = json!("1.0")),
        case("SPEC-VERSION-UNREADABLE", |world| root_of(world)["spec_version"] = json!("1")),
        case("SPEC-VERSION-NO-TEXT", |world| root_of(world)["spec_version"] = json!(1)),
        case("SPEC-VERSION-NO-TEXT", |world| {
            world.timestamp.0.as_object_mut().unwrap().remove("spec_version");
        }),
        case("VERSION-NOT-POSITIVE", |world| world.timestamp.0["version"] = json!(0)),
        case("DATE-NOT-STRICT", |world| world.timestamp.0["expires"] = json!("2027-01-03T09:00:00.5Z")),
        case("DATE-LEAP-SECOND", |world| world.timestamp.0["expires"] = json!("2026-12-31T23:59:60Z")),
        case("DATE-UNREADABLE", |world| world.timestamp.0["expires"] = json!("soon")),
        case("EXPIRED", |world| world.timestamp.0["expires"] = json!("2026-12-03T08:59:59Z")),
        case("EXPIRES-SOON", |_| {}),
        case("REHEARSAL", |world| world.timestamp.0["x-keyrite-rehearsal"] = json!(true)),
        case("UNKNOWN-FIELD", |world| world.timestamp.0["x-note"] = json!({"a": [1]})),
        case("FILE-LARGER-THAN-DEFAULT", |world| root_of(world)["x-note"] = json!(large)),
    ]
}

fn keys_() -> Vec<Case> {
    let extra = || {
        let mut key = spare();
        key["x-owner"] = json!("@ana");
        key
    };
    let private = |text: &str| {
        let mut key = spare();
        key["keyval"]["private"] = json!(text);
        key
    };
    let three = hash(&spare());
    vec![
        case("ONE-KEY-SEVERAL-KEYIDS", |world| {
            // Two must sign; key 2 does, twice, under the keyid of an object that says so in another way.
            let again = json!({"keytype": "ed25519", "scheme": "ed25519", "keyval": public(2).to_json()["keyval"], "x": 1});
            let root = root_of(world);
            root["keys"][hash(&again)] = again.clone();
            root["roles"]["root"]["keyids"].as_array_mut().unwrap().push(json!(hash(&again)));
        }),
        with_key("PRIVATE-KEY", hash, private(&"ab".repeat(32))),
        with_key("PRIVATE-FIELD-EMPTY", hash, private("")),
        with_key("KEYID-NOT-A-HASH", |_| "ab".repeat(32), spare()),
        with_key("KEYID-LEAVES-FIELDS-OUT", |_| three, extra()),
        with_key("KEY-WITH-MORE-FIELDS", hash, extra()),
        with_key("KEYID-NOT-HEX", |_| "ana".to_owned(), spare()),
        with_key("KEYTYPE-NAMES-CURVE", hash, key("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", P256)),
        with_key("EC-KEY-PEM-NOT-FIRST", hash, key("ecdsa", "ecdsa-sha2-nistp256", &format!("\n{P256}"))),
        with_key(
            "EC-KEY-PEM-NOT-FIRST",
            hash,
            key("ecdsa", "ecdsa-sha2-nistp256", &format!("Key of Ana\n{P256}")),
        ),
        with_key("KEY-WITHOUT-PUBLIC", hash, json!({"keytype": "ed25519", "scheme": "ed25519"})),
        with_key(
            "KEY-WITHOUT-PUBLIC",
            hash,
            json!({"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": 1}}),
        ),
        with_key("KEY-WITH-MORE-FIELDS", hash, {
            let mut key = spare();
            key["keyval"]["x-owner"] = json!("@ana");
            key
        }),
        with_key("ECDSA-P384", hash, key("ecdsa", "ecdsa-sha2-nistp384", P256)),
        with_key("ML-DSA", hash, key("ml-dsa", "ml-dsa-44/1", P256)),
        with_key("RSA-PKCS1V15", hash, key("rsa", "rsa-pkcs1v15-sha256", P256)),
        with_key("KEY-SCHEME-SELDOM-KNOWN", hash, key("ecdsa", "ecdsa-sha2-nistp521", P256)),
        with_key("KEY-SCHEME-SELDOM-KNOWN", hash, key("rsa", "rsassa-pss-sha384", P256)),
        with_key("KEY-SCHEME-SELDOM-KNOWN", hash, key("rsa", "rsassa-pss-sha512", P256)),
        by_p521(),
        with_key("KEY-OF-UNKNOWN-KIND", hash, key("sphincs", "sphincs-shake", "00")),
        with_key(
            "KEY-UNREADABLE",
            hash,
            key(
                "ecdsa",
                "ecdsa-sha2-nistp256",
                "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
            ),
        ),
    ]
}

fn roles() -> Vec<Case> {
    vec![
        case("THRESHOLD-ZERO", |world| root_of(world)["roles"]["timestamp"]["threshold"] = json!(0)),
        case("THRESHOLD-ABOVE-KEYS", |world| root_of(world)["roles"]["timestamp"]["threshold"] = json!(2)),
        case("THRESHOLD-NO-SPARE", |_| {}),
        case("ROOT-THRESHOLD-ONE", |world| root_of(world)["roles"]["root"]["threshold"] = json!(1)),
        case("KEYIDS-UNREADABLE", |world| {
            root_of(world)["roles"]["targets"]["keyids"].as_array_mut().unwrap().push(json!({}));
        }),
        case("KEYID-NO-TEXT", |world| {
            root_of(world)["roles"]["targets"]["keyids"].as_array_mut().unwrap().push(json!(5));
        }),
        case("KEYID-TWICE-IN-ROLE", |world| {
            let keyid = public(2).keyid();
            root_of(world)["roles"]["root"]["keyids"].as_array_mut().unwrap().push(json!(keyid));
        }),
        case("KEYID-WITHOUT-KEY", |world| {
            root_of(world)["roles"]["root"]["keyids"].as_array_mut().unwrap().push(json!("ab".repeat(32)));
        }),
        case("KEYID-OF-A-ROLE-NOT-HEX", |world| {
            root_of(world)["roles"]["root"]["keyids"].as_array_mut().unwrap().push(json!("carol"));
        }),
        case("KEY-UNUSED", |world| root_of(world)["keys"][hash(&spare())] = spare()),
        case("ROOT-KEY-SIGNS-ONLINE", |world| {
            let keyid = public(5).keyid();
            root_of(world)["roles"]["root"]["keyids"].as_array_mut().unwrap().push(json!(keyid));
        }),
        case("TARGETS-KEY-SIGNS-ONLINE", |world| {
            let keyid = public(5).keyid();
            root_of(world)["roles"]["targets"]["keyids"].as_array_mut().unwrap().push(json!(keyid));
        }),
        case("ROOT-ROLE-UNKNOWN", |world| {
            root_of(world)["roles"]["mirrors"] = json!({"keyids": keyids(&[4]), "threshold": 1});
        }),
        case("ROOT-ROLE-MISSING", |world| {
            drop(root_of(world)["roles"].as_object_mut().unwrap().remove("timestamp"));
        }),
        case("CONSISTENT-SNAPSHOT-FALSE", |world| {
            root_of(world)["consistent_snapshot"] = json!(false);
            world.consistent = false;
        }),
        case("CONSISTENT-SNAPSHOT-MISSING", |world| {
            drop(root_of(world).as_object_mut().unwrap().remove("consistent_snapshot"));
            world.consistent = false;
        }),
    ]
}

/// Targets that openssl signed with a key of its own.
fn targets_by_openssl(
    rule: &'static str,
    algorithm: &str,
    (keytype, scheme): (&str, &str),
    sign: &str,
) -> Case {
    let dir = tempfile::tempdir().unwrap();
    openssl(dir.path(), &format!("genpkey {algorithm} -out key.pem"));
    let public = String::from_utf8(openssl(dir.path(), "pkey -in key.pem -pubout")).unwrap();
    let key = key(keytype, scheme, &public);
    let mut bent = case(rule, |world| {
        let root = root_of(world);
        root["keys"][hash(&key)] = key.clone();
        root["roles"]["targets"]["keyids"] = json!([hash(&key)]);
    });
    let targets = Metadata::parse(&bent.set.0["3.targets.json"]).unwrap();
    std::fs::write(dir.path().join("payload"), targets.payload()).unwrap();
    let sig = hex::encode(openssl(dir.path(), &format!("dgst {sign} -sign key.pem payload")));
    let signature = Signature { keyid: KeyId(hash(&key)), sig };
    bent.set.put("3.targets.json", &targets.with_signatures(vec![signature]));
    relisted(&mut bent.set, "3.targets.json");
    bent
}

/// With the salt that openssl takes of itself.
fn salted() -> Case {
    targets_by_openssl(
        "RSA-PSS-SALT",
        "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
        ("rsa", "rsassa-pss-sha256"),
        "-sha256 -sigopt rsa_padding_mode:pss",
    )
}

/// A role that only clients can verify which know P-521.
pub(crate) fn by_p521() -> Case {
    targets_by_openssl(
        "KEY-SCHEME-SELDOM-KNOWN",
        "-algorithm EC -pkeyopt ec_paramgen_curve:P-521",
        ("ecdsa", "ecdsa-sha2-nistp521"),
        "-sha512",
    )
}

fn chain() -> Vec<Case> {
    let third = |world: &mut World| world.roots.push((root(3, &[7, 2, 3], 2), vec![2, 3]));
    vec![
        case("THRESHOLD-NOT-MET", |world| world.timestamp.1 = vec![9]),
        case("ROOT-NOT-SIGNED-BY-OLD", |world| world.roots[1].1 = vec![7, 2]),
        spoiled("SIGNATURE-INVALID", |set| {
            let mut file: Value = serde_json::from_slice(&set.0["2.root.json"]).unwrap();
            let keyid = public(7).keyid();
            file["signatures"].as_array_mut().unwrap().push(json!({"keyid": keyid, "sig": "00".repeat(64)}));
            set.0.insert("2.root.json".into(), serde_json::to_vec(&file).unwrap());
        }),
        salted(),
        case("SIGNATURE-BY-STRANGER", |world| world.timestamp.1 = vec![6, 9]),
        {
            let mut gap = case("ROOT-GAP", third);
            gap.set.0.remove("2.root.json");
            gap
        },
        {
            let mut first = case("ROOT-FIRST-MISSING", third);
            first.set.0.remove("1.root.json");
            first
        },
        spoiled("ROOT-NAME-AND-VERSION", |set| {
            let first = set.0["1.root.json"].clone();
            set.0.insert("2.root.json".into(), first);
        }),
        spoiled("ROOT-JSON-IS-OLD", |set| {
            let first = set.0["1.root.json"].clone();
            set.0.insert("root.json".into(), first);
        }),
        spoiled("ROOT-JSON-DIFFERS", |set| {
            let newest = String::from_utf8(set.0["2.root.json"].clone()).unwrap();
            set.0.insert("root.json".into(), newest.replace("2027-01-03", "2028-01-03").into_bytes());
        }),
        case("ROOT-EXPIRES-FIRST", |world| world.role("targets")["expires"] = json!("2028-01-01T00:00:00Z")),
    ]
}

/// A snapshot that does not list a file.
fn unlisted(rule: &'static str, file: &str) -> Case {
    spoiled(rule, |set| {
        let mut snapshot = Metadata::parse(&set.0["5.snapshot.json"]).unwrap().signed().clone();
        drop(snapshot["meta"].as_object_mut().unwrap().remove(file));
        set.put("5.snapshot.json", &signed_by(&snapshot, &[5]));
        let mut timestamp = Metadata::parse(&set.0["timestamp.json"]).unwrap().signed().clone();
        timestamp["meta"]["snapshot.json"] = meta(&set.0["5.snapshot.json"], &json!(5));
        set.put("timestamp.json", &signed_by(&timestamp, &[6]));
    })
}

fn metas() -> Vec<Case> {
    let listed = |rule, change: fn(&mut Value)| {
        spoiled(rule, |set| {
            let mut snapshot = Metadata::parse(&set.0["5.snapshot.json"]).unwrap().signed().clone();
            change(&mut snapshot["meta"]["targets.json"]);
            set.put("5.snapshot.json", &signed_by(&snapshot, &[5]));
            let mut timestamp = Metadata::parse(&set.0["timestamp.json"]).unwrap().signed().clone();
            timestamp["meta"]["snapshot.json"] = meta(&set.0["5.snapshot.json"], &json!(5));
            set.put("timestamp.json", &signed_by(&timestamp, &[6]));
        })
    };
    let earlier = |meta: Value| {
        let old = json!({"_type": "snapshot", "spec_version": "1.0.31", "version": 4, "expires": EXPIRES, "meta": meta});
        move |set: &mut Set| set.put("4.snapshot.json", &signed_by(&old, &[5]))
    };
    let timestamp = |rule, change: fn(&mut Value)| {
        spoiled(rule, |set| {
            let mut timestamp = Metadata::parse(&set.0["timestamp.json"]).unwrap().signed().clone();
            change(&mut timestamp["meta"]);
            set.put("timestamp.json", &signed_by(&timestamp, &[6]));
        })
    };
    vec![
        listed("META-UNREADABLE", |entry| entry["version"] = json!(0)),
        timestamp("TIMESTAMP-WITHOUT-SNAPSHOT", |meta| *meta = json!({})),
        listed("META-LENGTH-OR-HASHES", |entry| entry["length"] = json!(-1)),
        listed("META-LENGTH-OR-HASHES", |entry| entry["length"] = json!("5")),
        listed("META-LENGTH-OR-HASHES", |entry| entry["length"] = Value::Null),
        listed("META-LENGTH-OR-HASHES", |entry| entry["hashes"] = json!({"sha256": 1})),
        listed("META-LENGTH-OR-HASHES", |entry| entry["hashes"] = Value::Null),
        unlisted("SNAPSHOT-WITHOUT-TARGETS", "targets.json"),
        timestamp("TIMESTAMP-LISTS-MORE", |meta| meta["targets.json"] = json!({"version": 3})),
        spoiled("META-VERSION-WRONG", |set| {
            let other = targets(2, json!({"app.txt": target(b"app")}));
            set.put("3.targets.json", &signed_by(&other, &[4]));
            relisted(set, "3.targets.json");
        }),
        spoiled("META-HASH-WRONG", |set| set.0.get_mut("3.targets.json").unwrap().push(b'\n')),
        spoiled("META-FILE-MISSING", |set| drop(set.0.remove("2.dev.json"))),
        listed("META-LENGTH-LARGER", |entry| {
            entry["length"] = json!(entry["length"].as_u64().unwrap() + 100);
        }),
        listed("META-WITHOUT-HASHES", |entry| *entry = json!({"version": 3})),
        listed("META-HASHES-EMPTY", |entry| entry["hashes"] = json!({})),
        spoiled("HASHES-WITHOUT-SHA256", |set| {
            let sha512 = hex::encode(sha2::Sha512::digest(&set.0["3.targets.json"]));
            let mut snapshot = Metadata::parse(&set.0["5.snapshot.json"]).unwrap().signed().clone();
            snapshot["meta"]["targets.json"]["hashes"] = json!({"sha512": sha512});
            set.put("5.snapshot.json", &signed_by(&snapshot, &[5]));
            let mut timestamp = Metadata::parse(&set.0["timestamp.json"]).unwrap().signed().clone();
            timestamp["meta"]["snapshot.json"] = meta(&set.0["5.snapshot.json"], &json!(5));
            set.put("timestamp.json", &signed_by(&timestamp, &[6]));
        }),
        listed("HASH-IN-UPPER-CASE", |entry| {
            entry["hashes"]["sha256"] = json!(entry["hashes"]["sha256"].as_str().unwrap().to_uppercase());
        }),
        listed("HASH-UNKNOWN", |entry| entry["hashes"]["md17"] = json!("00")),
        spoiled(
            "SNAPSHOT-DROPS-A-ROLE",
            earlier(json!({"targets.json": {"version": 2}, "old.json": {"version": 1}})),
        ),
        spoiled("SNAPSHOT-VERSION-FALLS", earlier(json!({"targets.json": {"version": 9}}))),
    ]
}

fn target_files() -> Vec<Case> {
    let listed =
        |rule, change: fn(&mut Value)| case(rule, move |world| change(&mut world.role("targets")["targets"]));
    vec![
        listed("TARGET-UNREADABLE", |all| all["app.txt"] = json!({"length": 3})),
        listed("TARGET-UNREADABLE", |all| {
            all["other"] = json!({"length": 3, "hashes": {"sha256": {"a": 1}}})
        }),
        listed("HASH-NOT-HEX", |all| all["app.txt"]["hashes"]["sha256"] = json!("abc")),
        listed("HASH-NOT-HEX", |all| all["app.txt"]["hashes"]["sha256"] = json!("zz".repeat(32))),
        listed("HASH-LENGTH", |all| all["app.txt"]["hashes"]["sha256"] = json!("00")),
        listed("HASH-LENGTH", |all| all["app.txt"]["hashes"]["sha256"] = json!("")),
        listed("HASH-LENGTH", |all| all["app.txt"]["hashes"]["sha256"] = json!("00".repeat(33))),
        listed("TARGET-HASHES-EMPTY", |all| all["app.txt"]["hashes"] = json!({})),
        listed("TARGET-PATH", |all| all["a//b"] = target(b"b")),
        listed("TARGET-CUSTOM-EMPTY", |all| all["app.txt"]["custom"] = json!({})),
        listed("TARGET-CUSTOM-NO-OBJECT", |all| all["app.txt"]["custom"] = json!("x")),
        case("TARGET-OUTSIDE-DELEGATION", |world| world.role("dev")["targets"]["ops/x"] = target(b"x")),
        case("TARGET-OFF-THE-FIRST-WAY", |world| {
            let aa = delegation("aa", &[8], &["b/*"]);
            delegations(world)["roles"].as_array_mut().unwrap().insert(0, aa);
            let mut aa = targets(1, json!({}));
            aa["delegations"] = json!({"keys": keys(&[8]), "roles": [delegation("dev", &[8], &["b/z"])]});
            world.roles.insert("aa".into(), (aa, vec![8]));
        }),
        case("TARGET-FOUND-ELSEWHERE", |world| world.role("dev")["targets"]["app.txt"] = target(b"app")),
        case("TARGET-FOUND-ELSEWHERE", |world| world.role("dev")["targets"]["dev/a/x"] = target(b"x")),
    ]
}

fn delegated() -> Vec<Case> {
    let of_dev =
        |rule, change: fn(&mut Value)| asking("dev/tool.txt", case(rule, move |world| change(dev(world))));
    let digest = hex::encode(Sha256::digest(b"dev/tool.txt"));
    let bent_bins = |bend: fn(&mut Value)| {
        case("SUCCINCT-ROLES-UNREADABLE", move |world| {
            let role = dev(world).clone();
            let bins = json!({"keyids": keyids(&[8]), "threshold": 1, "bit_length": 1, "name_prefix": "bin"});
            *delegations(world) = json!({"keys": keys(&[8]), "succinct_roles": bins, "x-role": role});
            bend(delegations(world));
            drop(delegations(world).as_object_mut().unwrap().remove("x-role"));
        })
    };
    vec![
        bent_bins(|all| all["succinct_roles"]["bit_length"] = json!(0)),
        bent_bins(|all| all["succinct_roles"]["bit_length"] = json!(33)),
        bent_bins(|all| all["succinct_roles"]["bit_length"] = json!("3")),
        bent_bins(|all| drop(all["succinct_roles"].as_object_mut().unwrap().remove("name_prefix"))),
        bent_bins(|all| all["roles"] = json!([all["x-role"]])),
        case("DELEGATION-PATHS-NO-LIST", |world| dev(world)["paths"] = json!("dev/*")),
        case("DELEGATION-PATHS-NO-TEXTS", |world| dev(world)["paths"] = json!([1])),
        case("DELEGATION-PATHS-NO-TEXTS", |world| dev(world)["paths"] = json!(2)),
        case("DELEGATION-PATHS-NO-TEXTS", |world| dev(world)["paths"] = json!(false)),
        case("DELEGATIONS-NULL", |world| *delegations(world) = Value::Null),
        case("DELEGATION-UNREADABLE", |world| {
            drop(delegations(world).as_object_mut().unwrap().remove("roles"));
        }),
        of_dev("DELEGATION-WITHOUT-TERMINATING", |dev| {
            drop(dev.as_object_mut().unwrap().remove("terminating"))
        }),
        of_dev("DELEGATION-TERMINATING-NO-BOOLEAN", |dev| dev["terminating"] = json!("no")),
        of_dev("DELEGATION-TERMINATING-NO-BOOLEAN", |dev| dev["terminating"] = json!(0)),
        of_dev("DELEGATION-PATHS-OR-PREFIXES", |dev| dev["path_hash_prefixes"] = json!(["00"])),
        case("ROLE-NAME-TAKEN", |world| {
            let again = dev(world).clone();
            delegations(world)["roles"].as_array_mut().unwrap().push(again);
        }),
        asking(
            "dev/tool.txt",
            case("ROLE-NAME-ENCODED", |world| {
                let role = world.roles.remove("dev").unwrap();
                world.roles.insert("a/b c".into(), role);
                dev(world)["name"] = json!("a/b c");
            }),
        ),
        asking(
            "dev/tool.txt",
            case("ROLE-NAME-NUMBER", |world| {
                let role = world.roles.remove("dev").unwrap();
                world.roles.insert("1".into(), role);
                dev(world)["name"] = json!("1");
            }),
        ),
        asking(
            "dev/tool.txt",
            case("SUCCINCT-ROLES", |world| {
                let (role, signers) = world.roles.remove("dev").unwrap();
                for bin in ["bin-0", "bin-1"] {
                    let mut role = role.clone();
                    let here = (bin == "bin-1") == (u8::from_str_radix(&digest[..1], 16).unwrap() >= 8);
                    if !here {
                        role["targets"] = json!({});
                    }
                    world.roles.insert(bin.into(), (role, signers.clone()));
                }
                *delegations(world) = json!({"keys": keys(&[8]),
                "succinct_roles": {"keyids": keyids(&[8]), "threshold": 1, "bit_length": 1, "name_prefix": "bin"}});
            }),
        ),
        of_dev("PATTERN-TWO-STARS", |dev| dev["paths"] = json!(["dev/**"])),
        of_dev("PATTERN-DEEPER-IN-TOUGH", |_| {}),
        case("PATTERN-LEADING-SLASH", |world| dev(world)["paths"] = json!(["/dev/*", "dev/*"])),
        case("PATTERN-CHARACTERS", |world| dev(world)["paths"] = json!(["dev/[a-z]*"])),
        case("PATTERN-NO-GLOB", |world| dev(world)["paths"] = json!(["dev/*", "x/[a"])),
        case("PATTERN-NO-GLOB", |world| dev(world)["paths"] = json!(["dev/*", "x/?.tg{"])),
        case("PATTERN-NO-GLOB", |world| dev(world)["paths"] = json!(["dev/*", "x/a}"])),
        case("PATTERN-NO-GLOB", |world| dev(world)["paths"] = json!(["dev/*", "x/[z-a]"])),
        case("PATTERN-NO-GLOB", |world| dev(world)["paths"] = json!(["dev/*", "x/a\\"])),
        asking(
            "dev/tool.txt",
            case("PREFIXES-OF-SEVERAL-LENGTHS", |world| {
                let prefixes = json!([&digest[..2], &digest[..3]]);
                let dev = dev(world).as_object_mut().unwrap();
                dev.remove("paths");
                dev.insert("path_hash_prefixes".into(), prefixes);
            }),
        ),
        asking(
            "dev/tool.txt",
            case("PREFIX-MATCHES-NOTHING", |world| {
                let prefixes = json!([&digest[..2], "ZZ"]);
                let dev = dev(world).as_object_mut().unwrap();
                dev.remove("paths");
                dev.insert("path_hash_prefixes".into(), prefixes);
            }),
        ),
        of_dev("DELEGATION-UNKNOWN-FIELD", |dev| dev["x-owner"] = json!("@dana")),
    ]
}

fn graph() -> Vec<Case> {
    vec![
        asking("dev/tool.txt", unlisted("SNAPSHOT-LACKS-A-ROLE", "dev.json")),
        asking(
            "dev/tool.txt",
            case("DELEGATION-CYCLE", |world| {
                let back = json!({"keys": keys(&[8]), "roles": [delegation("dev", &[8], &["dev/*"])]});
                world.role("dev")["delegations"] = back;
            }),
        ),
        case("ROLE-NEVER-REACHED", |world| {
            dev(world)["terminating"] = json!(true);
            let again = delegation("ops", &[8], &["dev/a*"]);
            delegations(world)["roles"].as_array_mut().unwrap().push(again);
            world.roles.insert("ops".into(), (targets(1, json!({})), vec![8]));
        }),
        asking(
            "dev/tool.txt",
            case("TARGET-BEHIND-MANY-ROLES", |world| {
                let last = dev(world).clone();
                let mut roles = Vec::new();
                for n in 0..33 {
                    let name = format!("r{n}");
                    roles.push(delegation(&name, &[8], &["dev/*"]));
                    world.roles.insert(name, (targets(1, json!({})), vec![8]));
                }
                roles.push(last);
                delegations(world)["roles"] = json!(roles);
            }),
        ),
    ]
}
