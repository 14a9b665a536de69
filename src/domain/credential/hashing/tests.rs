use super::memory::MOST_KIB;
use super::{HashCost, HashError, PasswordHasher, Pepper, Peppers, StoredHash, Verification};
use crate::domain::credential::password::tests::nfkc;
use crate::domain::credential::password::{NewPassword, PasswordPolicy, PresentedPassword};
use crate::domain::identity::email::Email;

const CHEAP: HashCost = HashCost {
    memory_kib: 7_168,
    iterations: 1,
};

fn chosen(text: &str) -> NewPassword {
    let email = Email::parse("ada@example.org").unwrap();
    PasswordPolicy::new(8)
        .with_nfkc(nfkc)
        .judge(text.to_owned(), &email)
        .unwrap()
}

/// Computes all steps of a comparison.
fn verify(
    hasher: &PasswordHasher,
    password: &PresentedPassword,
    stored: Option<&StoredHash>,
) -> Result<Verification, HashError> {
    let mut judging = hasher.judge(password, stored);
    loop {
        if let Some(verdict) = judging.step()? {
            return Ok(verdict);
        }
    }
}

fn presented(text: &str) -> PresentedPassword {
    PresentedPassword::parse(text.to_owned()).unwrap()
}

fn stored(phc: &str) -> StoredHash {
    StoredHash::from_database(phc.to_owned())
}

#[test]
fn a_hash_is_a_phc_string_that_verifies() {
    let hasher = PasswordHasher::new(CHEAP);
    let hash = hasher.hash(&chosen("correct horse"), [3; 16]).unwrap();
    assert!(
        hash.expose()
            .starts_with("$argon2id$v=19$m=7168,t=1,p=1$nfkc/v1/AwMDAwMDAwMDAwMDAwMDAw$")
    );
    assert_eq!(
        verify(&hasher, &presented("correct horse"), Some(&hash)),
        Ok(Verification::Match { rehash: false })
    );
    for wrong in ["Correct horse", "correct horse ", "correct hors"] {
        assert_eq!(
            verify(&hasher, &presented(wrong), Some(&hash)),
            Ok(Verification::Mismatch)
        );
    }
}

/// The reference implementation in C (through argon2-cffi) made the hash: `hash_secret(b"correct
/// horse", b"somesalt-16bytes", 2, 19456, 1, 32, Type.ID)`.
#[test]
fn a_hash_of_the_reference_implementation_verifies() {
    let hash = stored(
        "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQtMTZieXRlcw$HveDy76J/MJyABcZvTNHOL+y2wiKX6cpBrY///MZR7E",
    );
    assert_eq!(
        verify(
            &PasswordHasher::new(HashCost::OWASP),
            &presented("correct horse"),
            Some(&hash)
        ),
        Ok(Verification::Match { rehash: true })
    );
}

#[test]
fn the_parameters_of_the_stored_hash_are_used_and_reported() {
    let hasher = PasswordHasher::new(CHEAP);
    let hash = PasswordHasher::new(HashCost::OWASP)
        .hash(&chosen("correct horse"), [3; 16])
        .unwrap();
    assert_eq!(
        verify(&hasher, &presented("correct horse"), Some(&hash)),
        Ok(Verification::Match { rehash: true })
    );
}

#[test]
fn every_refusal_costs_exactly_one_hash() {
    let hasher = PasswordHasher::new(CHEAP);
    let hash = hasher.hash(&chosen("correct horse"), [3; 16]).unwrap();
    let before = hasher.computed();
    let wrong = presented("wrong horse");
    let causes = [
        verify(&hasher, &wrong, Some(&hash)),
        verify(&hasher, &wrong, None),
        verify(&hasher, &wrong, Some(&stored("damaged"))),
    ];
    assert_eq!(hasher.computed(), before + 3);
    assert_eq!(
        causes,
        [
            Ok(Verification::Mismatch),
            Ok(Verification::Mismatch),
            Ok(Verification::Damaged)
        ]
    );
}

#[test]
fn stored_parameters_are_bounded_before_they_are_obeyed() {
    let hasher = PasswordHasher::new(CHEAP);
    let tail = "$AwMDAwMDAwMDAwMDAwMDAw$AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM";
    for head in [
        "$argon2id$v=19$m=1048576,t=2,p=1",
        "$argon2id$v=19$m=65537,t=1,p=1",
        "$argon2id$v=19$m=4095,t=5,p=1",
        "$argon2id$v=19$m=19456,t=11,p=1",
        "$argon2id$v=19$m=65536,t=4,p=1",
        "$argon2id$v=19$m=24576,t=9,p=1",
        "$argon2id$v=19$m=19456,t=0,p=1",
        "$argon2id$v=19$m=19456,t=2,p=5",
        "$argon2id$v=19$m=19456,t=2,p=0",
        "$argon2id$v=19$m=19456,t=2",
        "$argon2id$v=17$m=19456,t=2,p=1",
        "$argon2id$m=19456,t=2,p=1",
        "$argon2x$v=19$m=19456,t=2,p=1",
        "$argon2id$v=19$m=19456,t=2,p=1,data=AAAA",
        "$argon2id$v=19$m=4294967296,t=2,p=1",
    ] {
        assert_eq!(
            verify(
                &hasher,
                &presented("x"),
                Some(&stored(&format!("{head}{tail}")))
            ),
            Ok(Verification::Damaged),
            "{head}"
        );
    }
    assert!(hasher.memory.kib() <= 7_168);
    // A larger hash gets a buffer that is large enough for all: it is not replaced again.
    let large = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQtMTZieXRlcw$HveDy76J/MJyABcZvTNHOL+y2wiKX6cpBrY///MZR7E";
    let verdict = verify(&hasher, &presented("correct horse"), Some(&stored(large)));
    assert_eq!(verdict, Ok(Verification::Match { rehash: true }));
    assert_eq!(hasher.memory.kib(), MOST_KIB as usize);
}

#[test]
fn a_stored_hash_is_redacted_in_debug_output() {
    assert_eq!(format!("{:?}", stored("secret")), "StoredHash(…)");
}

/// The reference implementation in C (through argon2-cffi) made the hashes, for `"correct horse"`.
#[test]
fn argon2_hashes_of_other_systems_verify_and_are_to_be_replaced() {
    let hasher = PasswordHasher::new(CHEAP);
    for phc in [
        "$argon2i$v=19$m=7168,t=3,p=1$c29tZXNhbHQtMTZieXRlcw$ZwinsFCIlLQ2J0smQibtzmdmPDJqCsu0uuZ0QTAZLAg",
        "$argon2d$v=19$m=7168,t=3,p=1$c29tZXNhbHQtMTZieXRlcw$nDT1wVqIPr8SWw1bI1o4e5gvh/cWy7ylCTzXFphMnbI",
        "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQtMTZieXRlcw$PL5t2q6ByJsujgdP7ZKZC+B+0S5yVEUqUPNkr8JXYsY",
    ] {
        assert_eq!(
            verify(&hasher, &presented("correct horse"), Some(&stored(phc))),
            Ok(Verification::Match { rehash: true }),
            "{phc}"
        );
        assert_eq!(
            verify(&hasher, &presented("wrong horse"), Some(&stored(phc))),
            Ok(Verification::Mismatch)
        );
    }
}

/// A hasher with peppers of these names and bytes. The first one goes into new hashes.
fn peppered(peppers: &[(&str, u8)]) -> PasswordHasher {
    with_peppers(peppers, false)
}

fn with_peppers(peppers: &[(&str, u8)], new_hashes_have_none: bool) -> PasswordHasher {
    let known = peppers.iter().map(|(id, byte)| Pepper {
        id: (*id).to_owned(),
        secret: vec![*byte; 32],
    });
    PasswordHasher::new(CHEAP).with_peppers(Peppers {
        known: known.collect(),
        new_hashes_have_none,
    })
}

#[test]
fn the_first_pepper_goes_in_and_old_ones_verify_until_they_are_replaced() {
    let old = peppered(&[("1", 1)]);
    let new = peppered(&[("2", 2), ("1", 1)]);
    let bare = PasswordHasher::new(CHEAP);
    let password = chosen("correct horse");
    let same = Ok(Verification::Match { rehash: false });
    let upgrade = Ok(Verification::Match { rehash: true });
    let verify = |hasher: &PasswordHasher, hash: &StoredHash| {
        verify(hasher, &presented("correct horse"), Some(hash))
    };
    let first = old.hash(&password, [3; 16]).unwrap();
    assert!(first.expose().contains(",keyid=MQ$"));
    let second = new.hash(&password, [3; 16]).unwrap();
    let plain = bare.hash(&password, [3; 16]).unwrap();
    assert_eq!(verify(&old, &first), same);
    assert_eq!(verify(&new, &second), same);
    assert_eq!(verify(&new, &first), upgrade);
    assert_eq!(verify(&new, &plain), upgrade);
    // Without the pepper the password cannot be checked, and the cost is the same.
    let before = bare.computed();
    assert_eq!(verify(&bare, &first), Ok(Verification::UnknownPepper));
    assert_eq!(bare.computed(), before + 1);
    // A pepper with the same name and another secret does not verify.
    let other = peppered(&[("1", 9)]);
    assert_eq!(verify(&other, &first), Ok(Verification::Mismatch));
}

#[test]
fn hashes_of_other_systems_cost_one_of_ours_when_the_password_is_wrong() {
    let hasher = PasswordHasher::new(CHEAP);
    let bcrypt = stored("$2b$06$abcdefghijklmnopqrstuud/5IuQmqhVO0kfNEbHJM.fJkPiliBzC");
    assert_eq!(
        verify(&hasher, &presented("correct horse"), Some(&bcrypt)),
        Ok(Verification::Match { rehash: true })
    );
    assert_eq!(hasher.computed(), 0);
    assert_eq!(
        verify(&hasher, &presented("wrong horse"), Some(&bcrypt)),
        Ok(Verification::Mismatch)
    );
    assert_eq!(hasher.computed(), 1);
}

#[test]
fn a_wrong_password_for_a_cheaper_hash_is_not_refused_sooner() {
    let cheaper = PasswordHasher::new(CHEAP);
    let hasher = PasswordHasher::new(HashCost {
        iterations: CHEAP.iterations + 1,
        ..CHEAP
    });
    let password = chosen("correct horse");
    let [cheap, dear] = [&cheaper, &hasher].map(|own| own.hash(&password, [3; 16]).unwrap());
    for (of, stored, hashes) in [
        (&hasher, &cheap, 2),
        (&hasher, &dear, 1),
        (&cheaper, &dear, 1),
    ] {
        let before = of.computed();
        let verdict = verify(of, &presented("wrong horse"), Some(stored));
        assert_eq!(verdict, Ok(Verification::Mismatch));
        assert_eq!(of.computed() - before, hashes);
    }
}

/// Each stage of a roll-out verifies the hashes of the stage before it and vice versa: isolates of
/// both run at once, and a rollback goes back one stage.
#[test]
fn neighbouring_stages_of_a_pepper_verify_each_other_s_hashes() {
    let stages = [
        peppered(&[]),
        with_peppers(&[("1", 1)], true),
        peppered(&[("1", 1)]),
        peppered(&[("1", 1), ("2", 2)]),
        peppered(&[("2", 2), ("1", 1)]),
        with_peppers(&[("2", 2), ("1", 1)], true),
    ];
    for pair in stages.windows(2) {
        for (by, of) in [(&pair[0], &pair[1]), (&pair[1], &pair[0])] {
            let hash = by.hash(&chosen("correct horse"), [3; 16]).unwrap();
            let verdict = verify(of, &presented("correct horse"), Some(&hash));
            assert!(
                matches!(verdict, Ok(Verification::Match { .. })),
                "{}",
                hash.expose()
            );
        }
    }
    let unused = stages[1].hash(&chosen("correct horse"), [3; 16]).unwrap();
    assert!(!unused.expose().contains("keyid"));
}

/// In any order of verifications, including a hash of each kind.
#[test]
fn the_buffer_is_replaced_once_at_most() {
    let key = "c29tZXNhbHQtMTZieXRlcw";
    let phc = |m: u32| stored(&format!("$argon2id$v=19$m={m},t=1,p=1${key}${key}"));
    let scrypt = |ln: u32| stored(&format!("$scrypt$ln={ln},r=8,p=1${key}${key}"));
    let hasher = PasswordHasher::new(CHEAP);
    let mut sizes = vec![hasher.memory.kib()];
    for stored in [
        phc(4_096),
        scrypt(10),
        phc(8_192),
        scrypt(12),
        phc(65_536),
        phc(4_096),
    ] {
        let verdict = verify(&hasher, &presented("wrong horse"), Some(&stored));
        assert_eq!(verdict, Ok(Verification::Mismatch));
        sizes.push(hasher.memory.kib());
    }
    sizes.dedup();
    assert!(sizes.len() <= 3, "{sizes:?}");
    assert_eq!(sizes.last(), Some(&(MOST_KIB as usize)));
}

/// "café au lait" in three spellings. The first is the normal form.
const SPELLINGS: [&str; 3] = [
    "caf\u{e9} au lait",
    "cafe\u{301} au lait",
    "\u{ff43}\u{ff41}\u{ff46}e\u{301} au lait",
];

#[test]
fn every_spelling_of_a_password_verifies() {
    let hasher = PasswordHasher::new(CHEAP).with_nfkc(nfkc);
    for of in SPELLINGS {
        let made = [
            hasher.hash(&chosen(of), [3; 16]).unwrap(),
            hasher.rehash(&presented(of), [3; 16]).unwrap(),
        ];
        assert!(made[0] == made[1]);
        for spelling in SPELLINGS {
            assert_eq!(
                verify(&hasher, &presented(spelling), Some(&made[0])),
                Ok(Verification::Match { rehash: false })
            );
        }
        for wrong in ["cafe au lait", "Caf\u{e9} au lait", "caf\u{e9} au lait "] {
            assert_eq!(
                verify(&hasher, &presented(wrong), Some(&made[0])),
                Ok(Verification::Mismatch)
            );
        }
    }
}

/// Hashes of each spelling as sent, made by the reference implementation in C (through
/// argon2-cffi): the form of this service before it used normal forms, and of other systems.
const AS_SENT: [&str; 3] = [
    "$argon2id$v=19$m=7168,t=1,p=1$c29tZXNhbHQtMTZieXRlcw$YfvE6i6ErcAWApkRGpjrtvqwGgz8ArskzE8zfIan02A",
    "$argon2id$v=19$m=7168,t=1,p=1$c29tZXNhbHQtMTZieXRlcw$bmTbLNgq+D/rtMpBokg+MaFLMCeMIqteK2xiw4Tyadg",
    "$argon2id$v=19$m=7168,t=1,p=1$c29tZXNhbHQtMTZieXRlcw$YsCn9+mV39Ufnty7ifU1+4XYzUMox0MvHnchG/gI/p8",
];

#[test]
fn a_hash_without_the_mark_verifies_as_sent_and_its_replacement_in_every_spelling() {
    let hasher = PasswordHasher::new(CHEAP).with_nfkc(nfkc);
    for (spelling, phc) in SPELLINGS.into_iter().zip(AS_SENT) {
        let old = stored(phc);
        assert_eq!(
            verify(&hasher, &presented(spelling), Some(&old)),
            Ok(Verification::Match { rehash: true })
        );
        for other in SPELLINGS.into_iter().filter(|other| *other != spelling) {
            assert_eq!(
                verify(&hasher, &presented(other), Some(&old)),
                Ok(Verification::Mismatch)
            );
        }
        let new = hasher.rehash(&presented(spelling), [3; 16]).unwrap();
        for spelling in SPELLINGS {
            assert_eq!(
                verify(&hasher, &presented(spelling), Some(&new)),
                Ok(Verification::Match { rehash: false })
            );
        }
    }
}

#[test]
fn a_hash_in_the_normal_form_is_a_plain_argon2_hash_of_it() {
    let hash = PasswordHasher::new(CHEAP)
        .with_nfkc(nfkc)
        .hash(&chosen(SPELLINGS[1]), [3; 16])
        .unwrap();
    assert_eq!(
        hash.expose(),
        "$argon2id$v=19$m=7168,t=1,p=1$nfkc/v1/AwMDAwMDAwMDAwMDAwMDAw$BT6pmuavARzPh21lXHLRwum45H6opc/9o++QfGcsmOY"
    );
}

#[test]
fn a_very_long_password_verifies() {
    let hasher = PasswordHasher::new(CHEAP);
    let long = presented(&"long password ".repeat(500));
    let hash = hasher.rehash(&long, [3; 16]).unwrap();
    assert_eq!(
        verify(&hasher, &long, Some(&hash)),
        Ok(Verification::Match { rehash: false })
    );
    let cut = presented(&"long password ".repeat(499));
    assert_eq!(
        verify(&hasher, &cut, Some(&hash)),
        Ok(Verification::Mismatch)
    );
}
