//! `keyrite key restore`, and what `inspect` tells of a share.

use std::fs;
use std::path::Path;
use std::process::Command;

use keyrite::driver::shares::share_in;
use keyrite::keystore::Store;
use keyrite::keystore::age_file::AgeFile;
use keyrite::keystore::shares::Share;
use keyrite::keystore::shares::Split;
use keyrite::keystore::simulated;
use keyrite::keystore::simulated::Held;
use keyrite::keystore::simulated::Simulated;
use keyrite::qr::image;
use keyrite::store_uri::Pkcs11Uri;
use keyrite::tuf::PublicKey;
use keyrite::tuf::Scheme;
use secrecy::SecretString;

use crate::common::keyrite::Said;
use crate::common::keyrite::command;
use crate::common::terminal::Ended;
use crate::common::terminal::talk;

const PASSPHRASE: &str = "correct horse battery staple";

fn secret() -> SecretString {
    SecretString::from(PASSPHRASE)
}

/// A directory with a key in `ana.age`, its public half, and answers with the passphrase of a new file.
struct World {
    dir: tempfile::TempDir,
    public: PublicKey,
}

impl World {
    fn new(scheme: Scheme) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut file = AgeFile::new(dir.path().join("ana.age"), "ana.age", 10);
        let public = file.generate(Some(&secret()), scheme, None).unwrap().public;
        fs::write(dir.path().join("ana.pub.json"), public.to_pem()).unwrap();
        let answers = format!("answers: 1\nsecrets:\n  \"age:new.age\": {{passphrase: {PASSPHRASE}}}\n");
        fs::write(dir.path().join("answers.yaml"), answers).unwrap();
        Self { dir, public }
    }

    fn share(&self, threshold: u8, of: u8, index: u8) -> Share {
        let mut file = AgeFile::new(self.at("ana.age"), "ana.age", 10);
        let split = Split::new(threshold, of).unwrap();
        file.share(Some(&secret()), &self.public, split, index).unwrap()
    }

    fn at(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        fs::write(self.at(name), bytes).unwrap();
        name.to_owned()
    }

    /// `keyrite key restore age:new.age` with these files.
    fn restore(&self, shares: &[&str]) -> Said {
        let shares = shares.iter().flat_map(|file| ["--share", file]);
        let mut restore = command();
        restore.current_dir(self.dir.path()).args(["key", "restore", "age:new.age"]);
        restore.args(["--public", "ana.pub.json", "--answers", "answers.yaml"]).args(shares);
        Said::of(&restore.output().unwrap())
    }

    fn at_a_terminal(&self, more: &[&str], answers: &[(&str, &str)]) -> Ended {
        let restore = ["key", "restore", "age:new.age", "--public", "ana.pub.json"];
        talk(env!("CARGO_BIN_EXE_keyrite"), &[&restore, more].concat(), self.dir.path(), answers)
    }

    fn opens(&self) {
        let found = AgeFile::new(self.at("new.age"), "new.age", 10).find(Some(&secret())).unwrap().unwrap();
        assert_eq!(found.public, self.public);
    }
}

/// Another text than the share's in one place.
fn changed(text: &str) -> String {
    let other = if &text[40..41] == "A" { "B" } else { "A" };
    [&text[..40], other, &text[41..]].concat()
}

/// The words of a share, row by row, as they are typed.
fn rows(share: &Share) -> Vec<String> {
    let typed = |line: &String| line.trim().split_once("  ").unwrap().1.trim().to_owned() + "\r";
    share.lines().iter().map(typed).collect()
}

#[test]
fn a_key_comes_back_from_a_code_a_text_and_words_in_files_without_its_old_file() {
    for scheme in [Scheme::Ed25519, Scheme::EcdsaP256, Scheme::EcdsaP384] {
        let world = World::new(scheme);
        let files = [
            world.write("bo.png", image::png(&world.share(3, 4, 1).text()).unwrap()),
            world.write("chi.txt", format!("Share of Chi\n\n{}\n", *world.share(3, 4, 2).text())),
            world.write("eve.txt", world.share(3, 4, 4).lines().join("\n")),
        ];
        fs::remove_file(world.at("ana.age")).unwrap();

        let said = world.restore(&files.each_ref().map(String::as_str)).ended(0);

        assert!(
            said.out.starts_with("3 shares gave the key back; each of them was proven.\n"),
            "{}",
            said.out
        );
        world.opens();
    }
}

#[test]
fn shares_that_are_too_few_wrong_or_of_something_else_write_nothing() {
    let (world, other) = (World::new(Scheme::Ed25519), World::new(Scheme::Ed25519));
    let text = |share: Share| share.text().to_string();
    let [one, two] = [1, 2].map(|index| world.write(&format!("{index}.txt"), text(world.share(2, 3, index))));
    let foreign = world.write("other.txt", text(other.share(2, 3, 2)));
    let of_four = world.write("four.txt", text(world.share(2, 4, 3)));
    let changed = world.write("changed.txt", changed(&text(world.share(2, 3, 2))));
    let blank = world.write("blank.png", image::png("KR1:SOMETHING").unwrap());

    for (shares, code, why) in [
        (vec![&one], 1, "1 shares were given, and it takes 2"),
        (vec![], 1, "0 shares were given, and it takes 2"),
        (vec![&one, &one], 1, "share 1 was given twice"),
        (vec![&one, &foreign], 1, "is of another key, or of another split, than the others"),
        (vec![&one, &of_four], 1, "share 3 of 4 of key"),
        (vec![&one, &changed], 2, "changed.txt: it is not as it was written"),
        (vec![&one, &blank], 2, "blank.png: a code is in the image, and it carries no share"),
    ] {
        let shares: Vec<&str> = shares.into_iter().map(String::as_str).collect();
        let said = world.restore(&shares).ended(code);
        assert!(said.err.contains(why) && said.err.contains("nothing was written"), "{why}: {}", said.err);
    }
    assert!(!world.at("new.age").exists());
    world.restore(&[&one, &two]).ended(0);
    let said = world.restore(&[&one, &two]).ended(5);
    assert!(said.err.contains("is there already; it is unchanged"), "{}", said.err);
}

#[test]
fn words_are_typed_at_the_terminal_and_a_mistake_is_named_by_row_and_place() {
    let world = World::new(Scheme::Ed25519);
    let file = world.write("bo.txt", world.share(2, 3, 1).text().as_bytes());
    let typed = rows(&world.share(2, 3, 3));
    // No word begins so, and some begin with one q.
    let wrong = typed[4].replacen(|c: char| c != ' ', "qq", 1);
    let ask: Vec<String> = (1..=11).map(|row| format!("Row {row}: ")).collect();
    let mut answers: Vec<(&str, &str)> = vec![("A share: Enter", "\r")];
    for (row, text) in typed.iter().enumerate() {
        if row == 4 {
            answers.push((&ask[4], &wrong));
            answers.push(("Word 1 of row 5 is not on the list. Type this row again.", ""));
        }
        answers.push((&ask[row], text));
    }
    answers.extend([("Taken: share 3 of 3", ""), ("Enter restores: ", "\r")]);
    let pass = format!("{PASSPHRASE}\r");
    answers.extend([("New passphrase", &*pass), ("once more", &*pass)]);

    let ended = world.at_a_terminal(&["--share", &file], &answers);

    assert_eq!(ended.code, 0, "{}", ended.shown);
    assert!(ended.shown.contains("2 shares gave the key back; each of them was proven."));
    for row in typed {
        assert!(!ended.shown.contains(row.trim()), "a row was shown: {}", ended.shown);
    }
    world.opens();
}

#[test]
fn what_a_rehearsal_split_is_not_restored_as_a_real_key() {
    let world = World::new(Scheme::Ed25519);
    let held = Held { scheme: Scheme::Ed25519, bits: None };
    let mut token = Simulated::new(&Pkcs11Uri::default(), simulated::seed(b"a file", "ana"), Some(held));
    let pin = SecretString::from("1111");
    let public = token.find(Some(&pin)).unwrap().unwrap().public;
    fs::write(world.at("ana.pub.json"), public.to_pem()).unwrap();
    let files = [1, 2].map(|index| {
        let share = token.share(Some(&pin), &public, Split::new(2, 2).unwrap(), index).unwrap();
        world.write(&format!("{index}.txt"), share.text().as_bytes())
    });

    let said = world.restore(&files.each_ref().map(String::as_str)).ended(1);

    assert!(said.err.contains("REHEARSED share 1 of 2"), "{}", said.err);
    assert!(!world.at("new.age").exists());
}

#[test]
fn inspect_says_of_which_key_a_share_is_and_shows_nothing_of_it() {
    let world = World::new(Scheme::Ed25519);
    let share = world.share(2, 3, 2);
    let (text, words) = (share.text().to_string(), rows(&share));
    let broken = changed(&text);
    let files = [
        world.write("code.png", image::png(&text).unwrap()),
        world.write("text.txt", &text),
        world.write("words.txt", words.join("\n")),
        world.write("broken.png", image::png(&broken).unwrap()),
    ];
    let key = &world.public.keyid().0[..8];

    for (file, json) in files.iter().flat_map(|file| [(file, false), (file, true)]) {
        let mut inspect = command();
        inspect.current_dir(world.dir.path()).args(json.then_some("--json")).args(["inspect", file]);
        let said = Said::of(&inspect.output().unwrap()).ended(0);

        let expected = match (file.as_str(), json) {
            ("broken.png", false) => "a share that cannot be used: it is not as it was written".to_owned(),
            ("broken.png", true) => "\"kind\": \"share\"".to_owned(),
            (_, false) => format!("share 2 of 3 of key {key}, of which 2 give it back"),
            (_, true) => format!("\"key\": \"{key}\""),
        };
        assert!(said.out.contains(&expected), "{file}: {}", said.out);
        let all = said.out + &said.err;
        assert!(!all.contains(&text[30..60]) && !all.contains(words[5].trim()), "{file}: {all}");
    }
}

/// Words of the list, GF(2^8) and Lagrange in other people's language: the key of the shares, in hex.
const BY_HAND: &str = "
import sys
listed = open(sys.argv[1]).read().lower().split()
def mul(a, b):
    r = 0
    while b:
        r ^= a if b & 1 else 0
        a = (a << 1) ^ (0x11b if a & 0x80 else 0)
        b >>= 1
    return r
def inverse(a):
    r = 1
    for _ in range(254): r = mul(r, a)
    return r
shares = []
for file in sys.argv[2:]:
    words = [w for w in open(file).read().lower().split() if not w.isdigit()]
    whole = bytes(listed.index(w) % 256 for w in words)
    shares.append((whole[7], whole[8:-4]))
key = bytearray(len(shares[0][1]))
for x, share in shares:
    weight = 1
    for other, _ in shares:
        if other != x: weight = mul(weight, mul(other, inverse(other ^ x)))
    for n, byte in enumerate(share): key[n] ^= mul(weight, byte)
print(key.hex())
";

#[test]
fn the_words_of_two_shares_give_the_key_back_without_this_program() {
    let world = World::new(Scheme::Ed25519);
    let files = [1, 3].map(|index| {
        let name = world.write(&format!("{index}.txt"), world.share(2, 3, index).lines().join("\n"));
        world.at(&name)
    });
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/words/pgp.txt");

    let by_hand = Command::new("python3").args(["-c", BY_HAND]).arg(list).args(files).output().unwrap();

    let seed: [u8; 32] =
        hex::decode(String::from_utf8_lossy(&by_hand.stdout).trim()).unwrap().try_into().unwrap();
    let public = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key();
    assert_eq!(PublicKey::ed25519(public.to_bytes()), world.public);
}

#[test]
fn two_shares_in_one_image_are_not_guessed_between() {
    let world = World::new(Scheme::Ed25519);
    let codes =
        [1, 2].map(|index| keyrite::qr::modules(&world.share(2, 2, index).text(), qrcode::EcLevel::L));
    let mut picture = Vec::new();
    let side = codes[0].as_ref().unwrap().len() + 4;
    for code in codes.iter().flatten() {
        let mut rows = vec![vec![false; side]; 2];
        rows.extend(code.iter().map(|row| [&[false; 2][..], row, &[false; 2]].concat()));
        rows.extend(vec![vec![false; side]; 2]);
        for row in rows {
            let line: Vec<u8> = row.iter().flat_map(|dark| [if *dark { 0 } else { 255 }; 4]).collect();
            (0..4).for_each(|_| picture.extend(&line));
        }
    }
    let header = format!("P5 {} {} 255\n", side * 4, side * 8);

    let refused = share_in(&[header.as_bytes(), &picture].concat());

    assert_eq!(refused.err().unwrap(), "several shares are in the image: give one at a time");
}
