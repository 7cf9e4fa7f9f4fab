use proptest::prelude::*;

use super::*;

fn key(scheme: Scheme, seed: u8) -> PrivateKey {
    PrivateKey::generate(scheme, None, &mut Numbers::rehearsed(&[seed; 32], b"key")).unwrap()
}

fn of(scheme: Scheme, seed: u8, threshold: u8, of: u8) -> (PublicKey, Vec<Share>) {
    let key = key(scheme, seed);
    let shares = split(&key, Split::new(threshold, of).unwrap(), false).unwrap().unwrap();
    (key.public().unwrap(), shares)
}

fn again(share: &Share) -> Share {
    Share::read(&share.text()).unwrap_or_else(|why| panic!("{why}"))
}

fn some(shares: &[Share], mask: u32) -> Vec<Share> {
    shares.iter().zip(0..).filter(|(_, bit)| mask & (1 << bit) != 0).map(|(share, _)| again(share)).collect()
}

/// A share with another byte, and the checksum of what it is now.
fn forged(share: &Share) -> Share {
    let mut forged = again(share);
    forged.bytes[7] ^= 1;
    again(&forged)
}

fn why(shares: &[Share], public: &PublicKey) -> Unproven {
    restore(shares, public).err().unwrap_or_else(|| panic!("it was restored"))
}

/// The shares of a key never change: a paper that is lost is made again, by any version of this program.
#[test]
fn a_share_is_the_same_on_every_machine_and_in_every_version() {
    let (_, shares) = of(Scheme::Ed25519, 7, 2, 3);

    // What fuzzing starts from, too.
    assert_eq!(*shares[1].text(), include_str!("../../../fuzz/seeds/share/code.txt"));
    assert_eq!(shares[1].lines().join("\n"), include_str!("../../../fuzz/seeds/share/words.txt"));
    assert_eq!(shares[1].head().to_string(), "share 2 of 3 of key 1c7316e3, of which 2 give it back");
}

#[test]
fn each_threshold_of_shares_gives_the_key_back_and_no_fewer_do() {
    for (scheme, threshold, number) in [
        (Scheme::Ed25519, 2, 3),
        (Scheme::EcdsaP256, 3, 5),
        (Scheme::EcdsaP384, 3, 4),
        (Scheme::Ed25519, 4, 4),
    ] {
        let (public, shares) = of(scheme, 1, threshold, number);
        for mask in 1..1_u32 << number {
            let some = some(&shares, mask);

            let restored = restore(&some, &public);

            if mask.count_ones() >= u32::from(threshold) {
                let signature = restored.ok().unwrap().sign(&public, b"root").unwrap();
                assert!(public.verify(b"root", &signature).is_ok());
            } else {
                let found = some.len();
                assert_eq!(restored.err(), Some(Unproven::TooFew { found, wanted: threshold }));
            }
        }
    }
}

/// With one share fewer, each key is as possible as any other: what a holder may call the missing share decides.
#[test]
fn one_share_fewer_fits_any_other_key() {
    let (public, shares) = of(Scheme::Ed25519, 1, 2, 2);
    let mut seen = std::collections::BTreeSet::new();
    for byte in 0..=255 {
        let mut guess = again(&shares[1]);
        guess.bytes[0] = byte;
        let parts = [&shares[0], &guess].map(|share| [&[share.head.index][..], &share.bytes].concat());
        seen.insert(Gf256::combine_bytes(parts).unwrap()[0]);
    }

    assert_eq!(seen.len(), 256);
    assert!(restore(&[again(&shares[0]), again(&shares[1])], &public).is_ok());
}

#[test]
fn a_share_of_another_split_with_a_right_checksum_is_named() {
    let (public, shares) = of(Scheme::Ed25519, 1, 2, 4);

    for wrong in 0..4_usize {
        let given: Vec<Share> =
            shares.iter().zip(0..).map(|(s, n)| if n == wrong { forged(s) } else { again(s) }).collect();
        assert_eq!(why(&given, &public), Unproven::Wrong(vec![u8::try_from(wrong).unwrap() + 1]));
    }
    let given = [forged(&shares[0]), again(&shares[1]), forged(&shares[2]), again(&shares[3])];
    assert_eq!(why(&given, &public), Unproven::Wrong(vec![1, 3]));
    assert_eq!(why(&given[..3], &public), Unproven::None(2));
}

#[test]
fn a_share_of_another_key_or_split_and_one_given_twice_are_named() {
    let (public, shares) = of(Scheme::Ed25519, 1, 2, 3);
    let (_, of_another_key) = of(Scheme::Ed25519, 2, 2, 3);
    let (_, of_another_split) = of(Scheme::Ed25519, 1, 2, 4);

    for other in [&of_another_key[1], &of_another_split[1]] {
        assert_eq!(why(&[again(&shares[0]), again(other)], &public), Unproven::OtherSet(other.head()));
    }
    assert_eq!(why(&[again(&shares[0]), again(&shares[0])], &public), Unproven::Twice(1));
    assert_eq!(why(&[], &public), Unproven::TooFew { found: 0, wanted: 2 });
}

#[test]
fn a_share_of_a_rehearsal_never_joins_one_of_production() {
    let key = key(Scheme::Ed25519, 1);
    let twice = Split::new(2, 2).unwrap();
    let [real, rehearsed] = [false, true].map(|rehearsal| split(&key, twice, rehearsal).unwrap().unwrap());

    let refused = why(&[again(&real[0]), again(&rehearsed[1])], &key.public().unwrap());

    assert!(refused.to_string().starts_with("REHEARSED share 2 of 2"), "{refused}");
}

#[test]
fn an_rsa_key_is_not_split() {
    let key =
        PrivateKey::generate(Scheme::RsaPssSha256, Some(2048), &mut Numbers::rehearsed(&[1; 32], b"rsa"));

    assert!(split(&key.unwrap(), Split::new(2, 3).unwrap(), false).unwrap().is_none());
}

#[test]
fn one_share_alone_or_more_than_are_kept_is_no_split() {
    for (threshold, of) in [(0, 3), (1, 3), (4, 3), (2, 17), (2, 1)] {
        assert_eq!(Split::new(threshold, of), None, "{threshold} of {of}");
    }
}

#[test]
fn each_mistake_in_words_is_found_with_its_row_and_place() {
    let (_, shares) = of(Scheme::Ed25519, 1, 2, 3);
    let lines = shares[0].lines();
    let words: Vec<&str> = lines.iter().flat_map(|line| line.split_whitespace().skip(1)).collect();
    let with = |at: usize, word: &str| {
        let mut words = words.clone();
        words[at] = word;
        Share::read(&words.join(" ")).err().unwrap()
    };
    let mut swapped = words.clone();
    swapped.swap(20, 21);
    let mut left_out = words.clone();
    left_out.remove(5);

    assert_eq!(words.len(), 44);
    assert_eq!(with(9, "keyrite"), BadShare::Unknown { row: 3, place: 2 });
    assert_eq!(Share::read(&swapped.join(" ")).err(), Some(BadShare::OtherColumn { row: 6, place: 1 }));
    assert_eq!(Share::read(&left_out.join(" ")).err(), Some(BadShare::OtherColumn { row: 2, place: 2 }));
    assert_eq!(Share::read(&words[..40].join(" ")).err(), Some(BadShare::Count(40)));
    assert_eq!(Share::read("1 2 3").err(), Some(BadShare::Nothing));
    let other = if words[8] == "aardvark" { "absurd" } else { "aardvark" };
    assert_eq!(with(8, other), BadShare::Mistyped { row: 3, place: 1 });
    assert_eq!(check_row(2, &format!("{} keyrite", words[8])), Err(BadShare::Unknown { row: 3, place: 2 }));
    assert_eq!(check_row(2, &words[8..12].join(" ").to_uppercase()), Ok(()));
}

#[test]
fn what_says_that_it_is_a_share_and_is_none_is_refused() {
    let (_, shares) = of(Scheme::Ed25519, 1, 2, 3);
    let mut future = again(&shares[0]).whole();
    future[0] = 2;
    let told = future.len() - CHECK;
    let check = check(&future[..told]);
    future[told..].copy_from_slice(&check);
    let future = format!("{MARK}{}", base32::encode(&future));

    assert_eq!(Share::read(&future).err(), Some(BadShare::UnknownFormat));
    assert_eq!(Share::read(&format!("{MARK}MZXW6")).err(), Some(BadShare::Changed));
    assert_eq!(Share::read(&format!("{MARK}no base32")).err(), Some(BadShare::Changed));
    assert_eq!(Share::read(MARK).err(), Some(BadShare::Changed));
}

proptest! {
    #[test]
    fn a_share_comes_back_from_its_text_and_from_its_words(seed in any::<u8>(), p384 in any::<bool>(), at in 0..5_usize) {
        let scheme = if p384 { Scheme::EcdsaP384 } else { Scheme::Ed25519 };
        let (_, shares) = of(scheme, seed, 3, 5);
        let words = shares[at].lines().join("\n").to_lowercase();

        for read in [Share::read(&words), Share::read(&format!("Share:\n {} \n", &*shares[at].text()))] {
            let read = read.unwrap_or_else(|why| panic!("{why}"));
            prop_assert_eq!((read.head(), &*read.bytes), (shares[at].head(), &*shares[at].bytes));
        }
    }

    #[test]
    fn every_changed_word_is_noticed(seed in any::<u8>(), at in 0..44_usize, by in 1..=255_u8) {
        let (_, shares) = of(Scheme::EcdsaP256, seed, 2, 3);
        let mut whole = shares[0].whole();
        whole[at] = whole[at].wrapping_add(by);
        let (row, place) = (at / 4 + 1, at % 4 + 1);

        let refused = Share::read(&words::lines(&whole).join("\n")).err();

        prop_assert_eq!(refused, Some(BadShare::Mistyped { row, place }));
    }

    #[test]
    fn no_text_makes_it_panic(text in "(KEYRITE-SHARE-1:)?([A-Z2-7é]{0,80}|([0-9]{0,2} ?[a-z]{0,9} ){0,70})") {
        let _ = Share::read(&text);
        let _ = check_row(3, &text);
    }
}
