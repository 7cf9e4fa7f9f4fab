//! Key stores: one suite that every store passes, and what is particular to age files.

#![expect(clippy::unwrap_used, reason = "support code of tests stops at the first surprise")]

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use keyrite::keystore::Store;
use keyrite::keystore::StoreError;
use keyrite::keystore::age_file::AgeFile;
use keyrite::keystore::age_file::WATERMARK;
use keyrite::keystore::error::StoreErrorKind;
use keyrite::keystore::simulated;
use keyrite::keystore::simulated::Held;
use keyrite::keystore::simulated::Simulated;
use keyrite::store_uri::StoreUri;
use keyrite::tuf::Bytes;
use keyrite::tuf::PublicKey;
use keyrite::tuf::Scheme;
use secrecy::ExposeSecret;
use secrecy::SecretString;

use crate::common::terminal;

const PASSPHRASE: &str = "correct horse battery staple";
const WRONG: &str = "incorrect horse battery staple";

fn secret(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

fn age_at(path: &Path) -> AgeFile {
    AgeFile::new(path, "keys/ana.age", 10)
}

fn token(held: Option<Held>) -> Simulated {
    let StoreUri::Pkcs11(uri) = "pkcs11:token=ROOT-BO;object=root-2026".parse().unwrap() else {
        unreachable!()
    };
    Simulated::new(&uri, simulated::seed(b"the ceremony file", "bo"), held)
}

/// What every store must do, whatever it is made of. `good` opens it, `bad` does not.
fn behaves_as_a_store(store: &mut dyn Store, scheme: Scheme, bits: Option<u32>, good: &str, bad: &str) {
    let (good, bad) = (secret(good), secret(bad));

    let made = store.generate(Some(&good), scheme, bits).unwrap();
    assert_eq!(made.public.scheme(), scheme);

    let again = store.generate(Some(&good), scheme, bits).unwrap_err();
    assert_eq!(again.kind, StoreErrorKind::Exists, "{again}");
    assert_eq!(store.find(Some(&good)).unwrap().unwrap(), made);
    assert!(store.look().unwrap().lines[0].contains(&store.name()));

    let payloads = [&b"root"[..], b"", &[7; 100_000]].map(Bytes::from);
    let signatures = store.sign(Some(&good), &made.public, &payloads).unwrap();
    assert_eq!(signatures.len(), 3);
    for (payload, signature) in payloads.iter().zip(&signatures) {
        made.public.verify(payload, signature).unwrap();
    }
    made.public.verify(b"other", &signatures[0]).unwrap_err();

    let (found, signed) =
        store.find_and_sign(Some(&good), &|found| Some(found.public.clone()), &payloads).unwrap().unwrap();
    assert_eq!(found, made);
    assert!(payloads.iter().zip(&signed).all(|(payload, one)| made.public.verify(payload, one).is_ok()));
    assert_eq!(signed.len(), 3);
    assert_eq!(
        store.find_and_sign(Some(&good), &|_| None, &payloads).unwrap().unwrap(),
        (made.clone(), Vec::new())
    );

    let other = PublicKey::ed25519(*b"\x3d\x40\x17\xc3\xe8\x43\x89\x5a\x92\xb7\x0a\xa7\x4d\x1b\x7e\xbc\x9c\x98\x2c\xcf\x2e\xc4\x96\x8c\xc0\xcd\x55\xf1\x2a\xf4\x66\x0c");
    let refusals = [
        (store.sign(Some(&good), &other, &payloads).unwrap_err(), StoreErrorKind::WrongKey),
        (store.sign(Some(&bad), &made.public, &payloads).unwrap_err(), StoreErrorKind::WrongSecret),
        (store.sign(None, &made.public, &payloads).unwrap_err(), StoreErrorKind::WrongSecret),
        (
            store.find_and_sign(Some(&bad), &|found| Some(found.public.clone()), &payloads).unwrap_err(),
            StoreErrorKind::WrongSecret,
        ),
        (store.find(Some(&bad)).unwrap_err(), StoreErrorKind::WrongSecret),
        (store.find(None).unwrap_err(), StoreErrorKind::WrongSecret),
    ];
    for (error, kind) in refusals {
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.text.contains(&store.name()), "{error}");
        assert!(!error.hint.is_empty(), "{error}");
        let all = format!("{error} {error:?}");
        assert!(!all.contains(good.expose_secret()) && !all.contains(bad.expose_secret()), "{all}");
    }
}

#[test]
fn an_age_file_behaves_as_a_store_with_every_scheme() {
    let dir = tempfile::tempdir().unwrap();
    for scheme in Scheme::ALL {
        let bits = (scheme == Scheme::RsaPssSha256).then_some(2048);
        let mut file = age_at(&dir.path().join(scheme.as_str()));

        behaves_as_a_store(&mut file, scheme, bits, PASSPHRASE, WRONG);
    }
}

#[test]
fn an_age_file_of_a_rehearsal_behaves_as_a_store() {
    let dir = tempfile::tempdir().unwrap();
    let seed = simulated::seed(b"the ceremony file", "ana");
    let mut file = age_at(&dir.path().join("ana.age")).for_rehearsal(Some(seed));

    behaves_as_a_store(&mut file, Scheme::EcdsaP256, None, PASSPHRASE, WRONG);
}

#[test]
fn a_simulated_token_behaves_as_a_store_with_every_scheme() {
    for scheme in Scheme::ALL {
        let bits = (scheme == Scheme::RsaPssSha256).then_some(2048);

        behaves_as_a_store(&mut token(None), scheme, bits, "1234", "123");
    }
}

#[test]
fn a_rehearsal_makes_the_same_keys_on_every_machine() {
    let keyids = Scheme::ALL.map(|scheme| {
        let bits = (scheme == Scheme::RsaPssSha256).then_some(2048);
        let made = token(None).generate(Some(&secret("1234")), scheme, bits).unwrap();
        format!("{scheme} {}", made.public.keyid())
    });

    insta::assert_snapshot!(keyids.join("\n"), @r#"ed25519 6c4060ecae51b9f65048075b2c5f84bd6bb38036d49b807d7fd11324fa6252ea
ecdsa-sha2-nistp256 c294b18835e956490807ebb749fb8ec0e7aa15bbdfd7ba694606c7a441b45ca7
ecdsa-sha2-nistp384 9b05fb7214e0079164e554df5db3ccb34f7a96d185a2345d0ec199fc1bccb986
rsassa-pss-sha256 11fdae65f5d2aa6c9bbf4601e349d6d75aab3d3ad6a4ad10d5d8651aae06a4cd"#);
}

#[test]
fn a_rehearsal_signs_the_same_on_every_run_also_with_rsa() {
    let held = Held { scheme: Scheme::RsaPssSha256, bits: Some(2048) };
    let public = token(Some(held)).find(Some(&secret("1234"))).unwrap().unwrap().public;

    let first = token(Some(held)).sign(Some(&secret("1234")), &public, &[b"root".as_slice().into()]).unwrap();
    let second =
        token(Some(held)).sign(Some(&secret("1234")), &public, &[b"root".as_slice().into()]).unwrap();

    assert_eq!(first, second);
}

#[test]
fn an_age_file_and_a_token_with_one_seed_hold_one_key() {
    let dir = tempfile::tempdir().unwrap();
    let seed = simulated::seed(b"the ceremony file", "bo");
    let mut file = age_at(&dir.path().join("bo.age")).for_rehearsal(Some(seed));

    let in_file = file.generate(Some(&secret(PASSPHRASE)), Scheme::EcdsaP384, None).unwrap();
    let on_token = token(None).generate(Some(&secret("1234")), Scheme::EcdsaP384, None).unwrap();

    assert_eq!(in_file.public, on_token.public);
}

#[test]
fn a_key_name_and_a_context_each_change_the_rehearsal_key() {
    let seeds = [("file", "ana"), ("file", "bo"), ("file2", "ana")]
        .map(|(context, name)| simulated::seed(context.as_bytes(), name));

    assert!(seeds[0] != seeds[1] && seeds[0] != seeds[2] && seeds[1] != seeds[2]);
}

#[test]
fn production_keys_are_random() {
    let dir = tempfile::tempdir().unwrap();
    let made = ["a", "b"].map(|name| {
        age_at(&dir.path().join(name)).generate(Some(&secret(PASSPHRASE)), Scheme::Ed25519, None).unwrap()
    });

    assert_ne!(made[0].public.material(), made[1].public.material());
}

#[test]
fn a_rehearsal_and_production_never_share_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let (real, play) = (dir.path().join("real.age"), dir.path().join("play.age"));
    let pass = secret(PASSPHRASE);
    age_at(&real).generate(Some(&pass), Scheme::Ed25519, None).unwrap();
    age_at(&play).for_rehearsal(None).generate(Some(&pass), Scheme::Ed25519, None).unwrap();

    let in_production = age_at(&play).find(Some(&pass)).unwrap_err();
    let in_rehearsal = age_at(&real).for_rehearsal(None).find(Some(&pass)).unwrap_err();

    assert_eq!(in_production.kind, StoreErrorKind::Rehearsal);
    assert_eq!(in_rehearsal.kind, StoreErrorKind::Rehearsal);
    insta::assert_snapshot!(in_production, @"age file keys/ana.age holds a key that was made in a rehearsal; it is refused, and nothing was done with it");
    insta::assert_snapshot!(in_rehearsal, @"age file keys/ana.age holds a production key; a rehearsal does not touch it");
}

/// A file as it lies on the disk, and what opening it says.
fn opening(bytes: &[u8]) -> StoreError {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ana.age");
    fs::write(&path, bytes).unwrap();
    let error = age_at(&path).find(Some(&secret(PASSPHRASE))).unwrap_err();
    assert_eq!(fs::read(&path).unwrap(), bytes, "opening changed the file");
    error
}

fn encrypted(plaintext: &[u8], work_factor: u8) -> Vec<u8> {
    let mut recipient = age::scrypt::Recipient::new(secret(PASSPHRASE));
    recipient.set_work_factor(work_factor);
    age::encrypt_and_armor(&recipient, plaintext).unwrap().into_bytes()
}

fn a_good_file() -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ana.age");
    age_at(&path).generate(Some(&secret(PASSPHRASE)), Scheme::Ed25519, None).unwrap();
    fs::read(path).unwrap()
}

#[test]
fn every_way_a_file_can_be_wrong_has_its_own_sentence() {
    let good = a_good_file();
    let recipient = age::x25519::Identity::generate().to_public();
    let for_a_key = age::encrypt_and_armor(&recipient, b"x").unwrap();
    let older = "-----BEGIN EC PRIVATE KEY-----\nMA==\n-----END EC PRIVATE KEY-----\n";
    let twice = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMA==\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let mut much = String::from_utf8(good.clone()).unwrap();
    much = rearmored(&much, |header| header.replacen(" 10\n", " 30\n", 1));
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("text", b"hello, this is a shopping list and not a key".to_vec()),
        ("short", b"hi".to_vec()),
        ("plain key", b"-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----\n".to_vec()),
        ("for a key", for_a_key.into_bytes()),
        (
            "version 2",
            b"age-encryption.org/v2\n-> x y\nabc\n--- abc\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx".to_vec(),
        ),
        ("work factor 30", much.into_bytes()),
        ("not a key", encrypted(b"the launch codes", 10)),
        ("older PEM", encrypted(older.as_bytes(), 10)),
        ("encrypted twice", encrypted(twice.as_bytes(), 10)),
        ("not UTF-8", encrypted(&[0xff; 40], 10)),
        ("broken PEM", encrypted(b"-----BEGIN PRIVATE KEY-----\nMC4CAQAw\n", 10)),
        ("X25519", encrypted(&openssl(&["genpkey", "-algorithm", "X25519"], b""), 10)),
        ("RSA 1024", encrypted(&openssl(&["genrsa", "1024"], b""), 10)),
        (
            "secp256k1",
            encrypted(
                &openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"], b""),
                10,
            ),
        ),
        ("two keys", encrypted(&openssl(&["genpkey", "-algorithm", "ed25519"], b"").repeat(2), 10)),
        ("long plaintext", encrypted(&[b'a'; 20_000], 10)),
        ("long file", vec![b'a'; 100_000]),
    ];

    let said = cases.into_iter().map(|(name, bytes)| {
        let error = opening(&bytes);
        assert!(!error.text.contains(PASSPHRASE) && !format!("{error:?}").contains(PASSPHRASE));
        format!("{name}: {:?}: {error}\n    {}", error.kind, error.hint)
    });

    insta::assert_snapshot!(said.collect::<Vec<_>>().join("\n"), @r#"empty: Damaged: age file keys/ana.age is empty
    use another copy of the file; this one is unchanged
text: Foreign: age file keys/ana.age is not an age file
    name a file that age or this program made
short: Foreign: age file keys/ana.age is not an age file
    name a file that age or this program made
plain key: Foreign: age file keys/ana.age is a private key that is not encrypted; it is refused
    encrypt it with age -p -a, and destroy the plain one; treat it as seen by others
for a key: Foreign: age file keys/ana.age is encrypted for other keys, not with a passphrase
    decrypt it with age -d -i IDENTITY, and encrypt it with age -p -a
version 2: Foreign: age file keys/ana.age is in a version of age that this program does not know
    use a newer keyrite
work factor 30: Unsupported: age file keys/ana.age asks for a work factor of 30; the most that is taken here is 21
    on a large machine, decrypt it with age -d and encrypt it again with age -p -a
not a key: Foreign: age file keys/ana.age holds something that is not a private key
    the text inside must be a PKCS#8 PEM block
older PEM: Foreign: age file keys/ana.age holds a private key in an older form than PKCS#8
    convert it with openssl pkcs8 -topk8 -nocrypt, and encrypt that with age
encrypted twice: Foreign: age file keys/ana.age holds a private key that is encrypted once more
    remove the inner encryption with openssl pkey, and encrypt with age alone
not UTF-8: Foreign: age file keys/ana.age holds something that is not a private key
    the text inside must be a PKCS#8 PEM block
broken PEM: Foreign: age file keys/ana.age holds a broken PEM block
    look for another copy of the key
X25519: Unsupported: age file keys/ana.age holds a key for the algorithm 1.3.101.110
    use Ed25519, P-256, P-384, or RSA from 2048 to 8192 bits
RSA 1024: Unsupported: age file keys/ana.age holds an RSA key of 1024 bits
    use Ed25519, P-256, P-384, or RSA from 2048 to 8192 bits
secp256k1: Unsupported: age file keys/ana.age holds a key on the curve 1.3.132.0.10
    use Ed25519, P-256, P-384, or RSA from 2048 to 8192 bits
two keys: Foreign: age file keys/ana.age holds more than one PEM block
    keep one key in one file; certificates belong elsewhere
long plaintext: Foreign: age file keys/ana.age is longer than any key file
    name a file with one key in it
long file: Foreign: age file keys/ana.age is longer than any key file
    name a file with one key in it"#);
}

/// De-armors with the age crate's reader, changes the header, armors again.
fn rearmored(armored: &str, change: impl Fn(&str) -> String) -> String {
    use std::io::Read;
    use std::io::Write;
    let mut binary = Vec::new();
    age::armor::ArmoredReader::new(armored.as_bytes()).read_to_end(&mut binary).unwrap();
    let end = binary.windows(4).position(|w| w == b"\n---").unwrap();
    let header = change(std::str::from_utf8(&binary[..end]).unwrap());
    let mut out = Vec::new();
    let mut writer =
        age::armor::ArmoredWriter::wrap_output(&mut out, age::armor::Format::AsciiArmor).unwrap();
    writer.write_all(header.as_bytes()).unwrap();
    writer.write_all(&binary[end..]).unwrap();
    writer.finish().unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_file_cut_anywhere_is_damaged_or_foreign_and_never_opens() {
    let good = a_good_file();
    let whole = good.trim_ascii_end().len();

    for length in 0..whole {
        let error = opening(&good[..length]);

        let kinds = [StoreErrorKind::Damaged, StoreErrorKind::Foreign];
        assert!(kinds.contains(&error.kind), "cut at {length}: {error}");
    }
}

#[test]
fn a_file_changed_anywhere_never_opens() {
    let good = a_good_file();
    for at in (0..good.trim_ascii_end().len()).step_by(7) {
        let mut changed = good.clone();
        changed[at] ^= 1;

        let error = opening(&changed);

        let kinds = [
            StoreErrorKind::Damaged,
            StoreErrorKind::Foreign,
            StoreErrorKind::WrongSecret,
            StoreErrorKind::Unsupported,
        ];
        assert!(kinds.contains(&error.kind), "changed at {at}: {error}");
    }
}

#[test]
fn places_that_are_no_file_have_their_own_sentences() {
    let dir = tempfile::tempdir().unwrap();
    let pass = secret(PASSPHRASE);
    let missing = dir.path().join("missing.age");
    let fifo = dir.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();

    assert_eq!(age_at(&missing).look().unwrap_err().kind, StoreErrorKind::NoSuchKey);
    assert_eq!(age_at(&missing).find(Some(&pass)).unwrap(), None);
    assert_eq!(age_at(&missing).find_and_sign(Some(&pass), &|_| None, &[]).unwrap(), None);
    let directory = age_at(dir.path()).look().unwrap_err();
    let pipe = age_at(&fifo).look().unwrap_err();
    let nowhere = age_at(&missing.join("x/ana.age"));
    let nowhere = { nowhere }.generate(Some(&pass), Scheme::Ed25519, None).unwrap_err();

    insta::assert_snapshot!(age_at(&missing).look().unwrap_err(), @"age file keys/ana.age is not there");
    insta::assert_snapshot!(directory, @"age file keys/ana.age is a directory, not a file");
    insta::assert_snapshot!(pipe, @"age file keys/ana.age is not a regular file");
    insta::assert_snapshot!(nowhere, @"age file keys/ana.age cannot be written: its directory is not there");
}

#[test]
fn whatever_has_the_name_is_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    let link = dir.path().join("dangling");
    fs::write(&file, "precious").unwrap();
    std::os::unix::fs::symlink(dir.path().join("nowhere"), &link).unwrap();

    for path in [&file, &link, &dir.path().to_path_buf()] {
        let error = age_at(path).generate(Some(&secret(PASSPHRASE)), Scheme::Ed25519, None).unwrap_err();

        assert_eq!(error.kind, StoreErrorKind::Exists, "{error}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    assert!(!dir.path().join("nowhere").exists());
    assert_eq!(names(dir.path()), ["dangling", "file"]);
}

#[test]
fn a_key_file_is_for_its_owner_alone_and_leaves_nothing_beside_it() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ana.age");

    age_at(&path).generate(Some(&secret(PASSPHRASE)), Scheme::Ed25519, None).unwrap();

    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(names(dir.path()), ["ana.age"]);
}

#[test]
fn what_a_crash_left_behind_is_in_nobodys_way() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ana.age");
    fs::write(dir.path().join(".ana.age.0a1b2c3d.keyrite-tmp"), "half of a fi").unwrap();

    age_at(&path).generate(Some(&secret(PASSPHRASE)), Scheme::Ed25519, None).unwrap();

    assert_eq!(names(dir.path()), [".ana.age.0a1b2c3d.keyrite-tmp", "ana.age"]);
}

#[test]
fn a_passphrase_that_is_short_or_missing_makes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ana.age");

    for pass in [None, Some(""), Some("seven77")] {
        let error = age_at(&path).generate(pass.map(secret).as_ref(), Scheme::Ed25519, None).unwrap_err();

        assert_eq!(error.kind, StoreErrorKind::WrongSecret);
    }
    assert!(names(dir.path()).is_empty());
}

#[test]
fn a_size_that_a_scheme_does_not_have_makes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ana.age");
    let wrong = [
        (Scheme::RsaPssSha256, 1024),
        (Scheme::RsaPssSha256, 2047),
        (Scheme::RsaPssSha256, 2050),
        (Scheme::RsaPssSha256, 16384),
        (Scheme::Ed25519, 256),
        (Scheme::EcdsaP384, 384),
    ];

    for (scheme, bits) in wrong {
        let error = age_at(&path).generate(Some(&secret(PASSPHRASE)), scheme, Some(bits)).unwrap_err();

        assert_eq!(error.kind, StoreErrorKind::Unsupported, "{error}");
    }
    assert!(names(dir.path()).is_empty());
}

#[test]
fn a_changed_passphrase_opens_the_same_key_and_the_old_one_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ana.age");
    let (old, new) = (secret(PASSPHRASE), secret("a rather different passphrase"));
    let made = age_at(&path).generate(Some(&old), Scheme::Ed25519, None).unwrap();

    let changed = age_at(&path).change_passphrase(&old, &new).unwrap();

    assert_eq!(changed.public, made.public);
    assert_eq!(age_at(&path).find(Some(&new)).unwrap().unwrap().public, made.public);
    assert_eq!(age_at(&path).find(Some(&old)).unwrap_err().kind, StoreErrorKind::WrongSecret);
    assert_eq!(names(dir.path()), ["ana.age"]);
}

#[test]
fn a_passphrase_that_cannot_be_changed_leaves_the_file_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ana.age");
    let good = secret(PASSPHRASE);
    age_at(&path).generate(Some(&good), Scheme::Ed25519, None).unwrap();
    let before = fs::read(&path).unwrap();

    for (old, new) in [(WRONG, "a rather different passphrase"), (PASSPHRASE, "short"), (PASSPHRASE, "")] {
        let error = age_at(&path).change_passphrase(&secret(old), &secret(new)).unwrap_err();

        assert_eq!(error.kind, StoreErrorKind::WrongSecret);
        assert_eq!(fs::read(&path).unwrap(), before);
    }
    assert_eq!(names(dir.path()), ["ana.age"]);
}

#[test]
fn a_changed_passphrase_keeps_the_watermark() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ana.age");
    let (old, new) = (secret(PASSPHRASE), secret("a rather different passphrase"));
    age_at(&path).for_rehearsal(None).generate(Some(&old), Scheme::Ed25519, None).unwrap();

    age_at(&path).for_rehearsal(None).change_passphrase(&old, &new).unwrap();

    assert_eq!(age_at(&path).find(Some(&new)).unwrap_err().kind, StoreErrorKind::Rehearsal);
}

#[test]
fn age_and_openssl_recover_every_key_without_us() {
    let dir = tempfile::tempdir().unwrap();
    for scheme in Scheme::ALL {
        let path = dir.path().join(scheme.as_str());
        let bits = (scheme == Scheme::RsaPssSha256).then_some(2048);
        let made = age_at(&path).generate(Some(&secret(PASSPHRASE)), scheme, bits).unwrap();

        let plain = dir.path().join("plain.pem");
        terminal::age(&["-d", "-o", plain.to_str().unwrap(), path.to_str().unwrap()], PASSPHRASE);

        let public = openssl(&["pkey", "-in", plain.to_str().unwrap(), "-pubout"], b"");
        assert_eq!(String::from_utf8(public).unwrap(), made.public.to_pem(), "{scheme}");
        fs::remove_file(plain).unwrap();
    }
}

#[test]
fn openssl_skips_the_watermark_of_a_rehearsal() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ana.age");
    let mut file = age_at(&path).for_rehearsal(None);
    let made = file.generate(Some(&secret(PASSPHRASE)), Scheme::Ed25519, None).unwrap();

    let plain = dir.path().join("plain.pem");
    terminal::age(&["-d", "-o", plain.to_str().unwrap(), path.to_str().unwrap()], PASSPHRASE);

    assert!(fs::read_to_string(&plain).unwrap().starts_with(WATERMARK));
    let public = openssl(&["pkey", "-in", plain.to_str().unwrap(), "-pubout"], b"");
    assert_eq!(String::from_utf8(public).unwrap(), made.public.to_pem());
}

#[test]
fn keys_made_by_openssl_and_encrypted_by_age_open_here() {
    let dir = tempfile::tempdir().unwrap();
    let kinds: [(Scheme, &[&str]); 4] = [
        (Scheme::Ed25519, &["-algorithm", "ed25519"]),
        (Scheme::EcdsaP384, &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]),
        (Scheme::RsaPssSha256, &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
        (Scheme::RsaPssSha256, &["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"]),
    ];
    for (n, (scheme, how)) in kinds.into_iter().enumerate() {
        let plain = dir.path().join(format!("{n}.pem"));
        let path = dir.path().join(format!("{n}.age"));
        fs::write(&plain, openssl(&[&["genpkey"], how].concat(), b"")).unwrap();
        // Armored and not: both are age files.
        let armor: &[&str] = if n % 2 == 0 { &["-a"] } else { &[] };
        let args = [&["-p"], armor, &["-o", path.to_str().unwrap(), plain.to_str().unwrap()]].concat();
        terminal::age(&args, PASSPHRASE);

        let mut file = age_at(&path);
        let found = file.find(Some(&secret(PASSPHRASE))).unwrap().unwrap();
        let signed =
            file.sign(Some(&secret(PASSPHRASE)), &found.public, &[b"root".as_slice().into()]).unwrap();

        assert_eq!(found.public.scheme(), scheme);
        openssl_verifies(dir.path(), &found.public, b"root", &signed[0]);
    }
}

/// Runs `keyrite` where there is no terminal.
fn keyrite(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let output = std::process::Command::new("setsid")
        .arg("--wait")
        .arg(env!("CARGO_BIN_EXE_keyrite"))
        .args(args)
        .current_dir(dir)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_key_is_made_from_an_answers_file_and_shown_again() {
    let dir = tempfile::tempdir().unwrap();
    let answers = format!("answers: 1\nsecrets: {{\"age:ana.age\": {{passphrase: \"{PASSPHRASE}\"}}}}\n");
    fs::write(dir.path().join("answers.yaml"), answers).unwrap();
    let make = [
        "key",
        "generate",
        "age:ana.age",
        "--scheme",
        "ed25519",
        "--out",
        "ana.pub.json",
        "--answers",
        "answers.yaml",
    ];

    let (made, said, told) = keyrite(dir.path(), &make);

    assert_eq!(made, 0, "{told}");
    let file = fs::read_to_string(dir.path().join("ana.pub.json")).unwrap();
    let point = file.strip_prefix(r#"{"keytype":"ed25519","scheme":"ed25519","keyval":{"public":""#);
    let point = point.unwrap().strip_suffix("\"}}\n").unwrap();
    assert!(point.len() == 64 && said.contains(point), "{said}");

    let show = ["key", "show", "age:ana.age", "--answers", "answers.yaml", "--json"];
    let (shown, json, told_again) = keyrite(dir.path(), &show);

    assert_eq!(shown, 0, "{told_again}");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["public"], serde_json::from_str::<serde_json::Value>(&file).unwrap());
    assert_eq!(json["scheme"], "ed25519");

    // 256 MiB are not free: the machine is told, and the program does not end in the middle of it.
    let small = |args: &[&str]| {
        let mut run = std::process::Command::new("prlimit");
        run.arg("--as=230000000").arg(env!("CARGO_BIN_EXE_keyrite")).args(args).current_dir(dir.path());
        let output = run.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (shown, told) = small(&show);
    assert!(shown == Some(5) && told.contains("has not the memory for its work factor free"), "{told}");
    let make = make.map(|word| if word == "ana.pub.json" { "bo.pub.json" } else { word });
    fs::rename(dir.path().join("ana.age"), dir.path().join("moved.age")).unwrap();
    let (made, told) = small(&make);
    assert!(made == Some(5) && told.contains("could not be encrypted: out of memory"), "{told}");
    assert!(!dir.path().join("ana.age").exists() && !dir.path().join("bo.pub.json").exists());
    for text in [said, told, told_again, json.to_string()] {
        assert!(!text.contains(PASSPHRASE), "{text}");
    }
}

#[test]
fn what_key_generate_refuses_leaves_everything_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("taken"), "precious").unwrap();
    fs::write(dir.path().join("empty.yaml"), "answers: 1\n").unwrap();
    let before = names(dir.path());
    let generate = ["key", "generate"];
    let cases: [(&[&str], i32); 8] = [
        (&["age:taken", "--scheme", "ed25519", "--answers", "empty.yaml"], 5),
        (&["age:new", "--scheme", "ed25519", "--out", "taken", "--answers", "empty.yaml"], 2),
        (&["age:new", "--scheme", "ed25519", "--out", "no/where", "--answers", "empty.yaml"], 2),
        (&["age:no/where", "--scheme", "ed25519", "--answers", "empty.yaml"], 5),
        (&["age:new", "--scheme", "ed25519", "--answers", "empty.yaml"], 3),
        (&["age:new", "--scheme", "ed25519", "--answers", "taken"], 2),
        (&["age:new", "--scheme", "ed25519"], 3),
        (&["new", "--scheme", "ed25519"], 2),
    ];

    let said = cases.map(|(args, code)| {
        let (ended, out, told) = keyrite(dir.path(), &[&generate, args].concat());
        assert_eq!((ended, out.as_str()), (code, ""), "{args:?}: {told}");
        told.lines().take(2).collect::<Vec<_>>().join("\n")
    });

    assert_eq!(names(dir.path()), before);
    assert_eq!(fs::read_to_string(dir.path().join("taken")).unwrap(), "precious");
    insta::assert_snapshot!(said.join("\n"), @r#"error: age file taken is there already; it is unchanged
hint: choose another name; this program never overwrites a key
error: taken is there already; it is unchanged, and no key was made
hint: give --out a new name
error: there is no directory no; no key was made
hint: make it first
error: age file no/where cannot be written: its directory is not there
hint: make the directory no first
error: the answers file has no passphrase for age:new; nothing was done
hint: add to secrets: {"age:new": {passphrase: ...}}
error: answers file taken: line 1, column 1, is not as it must be
hint: an answers file holds: answers: 1, confirm: all, type-back: auto, secrets: {KEY: {passphrase: ...}} or {pin: ...}, with dice and shares: {HOLDER: ...} where they are asked for, typed: {STEP: ...}, clock: TIME, absent: [NAME]
error: there is no terminal to ask at, and no answers file; nothing was done
hint: run it in a terminal, or give --answers FILE
error: invalid value 'new' for '<STORE>': this is not a STORE; write age:PATH or pkcs11:token=...;object=..."#);
}

/// Runs `keyrite` in a terminal, and shows the terminal's mode afterwards.
fn keyrite_at_a_terminal(dir: &Path, command: &str, answers: &[(&str, &str)]) -> terminal::Ended {
    let script = format!("{} {command}; code=$?; stty -a; exit $code", env!("CARGO_BIN_EXE_keyrite"));
    let ended = terminal::talk("sh", &["-c", &script], dir, answers);
    assert!(ended.shown.contains(" echo ") && ended.shown.contains(" icanon "), "{}", ended.shown);
    ended
}

#[test]
fn a_passphrase_is_typed_twice_never_shown_and_can_be_changed() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = ("swordfish-and-chips", "a rather different one");
    let made = keyrite_at_a_terminal(
        dir.path(),
        "key generate age:ana.age --scheme ed25519",
        &[
            ("New passphrase", "short\n"),
            ("too short", ""),
            ("New passphrase", &format!("{first}\n")),
            ("once more", "swordfish-and-crisps\n"),
            ("not the same", ""),
            ("New passphrase", &format!("{first}\n")),
            ("once more", &format!("swordfisch\x7f\x7f\x7f\x7f\x15{first}\n")),
        ],
    );
    let changed = keyrite_at_a_terminal(
        dir.path(),
        "key passphrase age:ana.age",
        &[
            ("as it is now", &format!("{first}\n")),
            ("New passphrase", &format!("{second}\n")),
            ("once more", &format!("{second}\n")),
        ],
    );
    let old = keyrite_at_a_terminal(
        dir.path(),
        "key show age:ana.age",
        &[("Passphrase of", &format!("{first}\n"))],
    );

    assert_eq!(
        (made.code, changed.code, old.code),
        (0, 0, 5),
        "{}{}{}",
        made.shown,
        changed.shown,
        old.shown
    );
    assert!(old.shown.contains("wrong passphrase"), "{}", old.shown);
    for shown in [made.shown, changed.shown, old.shown] {
        assert!(!shown.contains("swordfish") && !shown.contains(second), "{shown}");
    }
    assert_eq!(names(dir.path()), ["ana.age"]);
}

#[test]
fn control_c_at_the_prompt_restores_the_terminal_and_makes_nothing() {
    let dir = tempfile::tempdir().unwrap();

    let ended = keyrite_at_a_terminal(
        dir.path(),
        "key generate age:ana.age --scheme ed25519",
        &[("New passphrase", "half a pass\x03")],
    );

    assert_eq!(ended.code, 3, "{}", ended.shown);
    assert!(ended.shown.contains("stopped at the prompt; what it asked for was not done"), "{}", ended.shown);
    assert!(!ended.shown.contains("half a pass"), "{}", ended.shown);
    assert!(names(dir.path()).is_empty());
}

fn openssl(args: &[&str], input: &[u8]) -> Vec<u8> {
    use std::io::Write;
    use std::process::Stdio;
    let mut child = std::process::Command::new("openssl")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn openssl_verifies(dir: &Path, public: &PublicKey, message: &[u8], signature: &[u8]) {
    let paths: [PathBuf; 3] = ["pub", "msg", "sig"].map(|name| dir.join(name));
    for (path, bytes) in paths.iter().zip([public.to_pem().as_bytes(), message, signature]) {
        fs::write(path, bytes).unwrap();
    }
    let [public_at, message_at, signature_at] = paths.each_ref().map(|path| path.to_str().unwrap());
    let common = ["-pubin", "-inkey", public_at, "-in", message_at, "-sigfile", signature_at];
    let mode: &[&str] = match public.scheme() {
        Scheme::Ed25519 => &["-rawin"],
        Scheme::EcdsaP256 | Scheme::EcdsaP384 => &["-rawin", "-digest", ecdsa_digest(public)],
        Scheme::RsaPssSha256 => &[
            "-rawin",
            "-digest",
            "sha256",
            "-pkeyopt",
            "rsa_padding_mode:pss",
            "-pkeyopt",
            "rsa_pss_saltlen:32",
        ],
        Scheme::VerifyOnly(_) => panic!("nobody signs with it here"),
    };
    openssl(&[&["pkeyutl", "-verify"], &common[..], mode].concat(), b"");
}

fn ecdsa_digest(public: &PublicKey) -> &'static str {
    if public.scheme() == Scheme::EcdsaP384 { "sha384" } else { "sha256" }
}

/// The names in a directory, in order.
fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = entries.collect();
    names.sort();
    names
}
