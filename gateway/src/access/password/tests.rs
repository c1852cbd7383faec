use super::*;
use futures::{StreamExt, stream::FuturesUnordered};

fn secret(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

#[tokio::test]
async fn a_password_is_known_by_its_hash_alone() {
    let pool = PasswordPool::default();
    let hash = pool.hash(secret("correct horse")).await.unwrap();
    assert!(
        hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
        "{hash}"
    );
    let verify = async |password, hash: Option<&str>| {
        let hash = hash.map(str::to_owned);
        pool.verify(secret(password), hash).await.unwrap()
    };
    assert!(verify("correct horse", Some(&hash)).await);
    assert!(!verify("correct horsf", Some(&hash)).await);
    assert!(!verify("", Some(&hash)).await);
    // Not even the dummy's own password is anybody's.
    assert!(!verify("nobody has this password", None).await);
    for damaged in [
        "",
        "$argon2id$v=19$m=99999999,t=2,p=1$c2FsdHNhbHQ$aGFzaA",
        "plain",
    ] {
        assert!(!verify("plain", Some(damaged)).await, "{damaged}");
    }
    assert_ne!(
        hash,
        pool.hash(secret("correct horse")).await.unwrap(),
        "salted"
    );
}

/// Beyond what may wait, it is said at once, and the rest is done.
#[tokio::test]
async fn the_queue_is_bounded() {
    let pool = PasswordPool::default();
    let busy = pool
        .running
        .clone()
        .acquire_many_owned(AT_ONCE as u32)
        .await
        .unwrap();
    let all = (0..WAITING + 10).map(|_| pool.verify(secret("x"), Some("unreadable".into())));
    let mut all: FuturesUnordered<_> = all.collect();
    for _ in 0..10 {
        assert!(all.next().await.unwrap().is_err());
    }
    drop(busy);
    let rest: Vec<_> = all.collect().await;
    assert_eq!(rest.len(), WAITING);
    assert!(rest.iter().all(Result::is_ok));
}

#[test]
fn weak_passwords_are_refused_by_name() {
    let cases = [
        ("short", Err(WeakPassword::TooShort)),
        ("Passw0rd", Err(WeakPassword::Common)),
        ("meera@example.org", Err(WeakPassword::HoldsName)),
        ("my-Meera@example.org-1", Err(WeakPassword::HoldsName)),
        ("correct horse", Ok(())),
    ];
    for (password, expected) in cases {
        assert_eq!(
            check_password(password, "meera@example.org"),
            expected,
            "{password}"
        );
    }
    assert_eq!(
        check_password(&"x".repeat(1025), "m"),
        Err(WeakPassword::TooLong)
    );
}

/// Nanoseconds that this thread has run: others run beside it.
fn spent() -> f64 {
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let first = counted.split_whitespace().next().unwrap();
    first.parse().unwrap()
}

/// What comparing a password that is wrong takes.
fn wrong_takes(hash: Option<&str>) -> f64 {
    let begun = spent();
    assert!(!compare_evenly("wrong", hash));
    spent() - begun
}

/// Of a few, by turns, the least of each: what runs beside it slows both.
#[test]
fn a_wrong_password_takes_as_long_whatever_it_is_compared_with() {
    let own = make_hash(b"correct horse");
    let imported = imported::tests::kept_hashes();
    wrong_takes(None);
    for hash in std::iter::once(&own).chain(&imported) {
        let (mut nobody, mut somebody) = (f64::MAX, f64::MAX);
        for _ in 0..6 {
            nobody = nobody.min(wrong_takes(None));
            somebody = somebody.min(wrong_takes(Some(hash)));
        }
        let (ratio, kind) = (somebody / nobody, &hash[..20]);
        assert!((0.7..1.43).contains(&ratio), "{kind}: {ratio} of nobody's");
    }
}
