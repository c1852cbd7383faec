//! Guesses and requests over minutes, on a clock that the test moves.

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn address(n: u32) -> Option<IpAddr> {
    Some(IpAddr::V4((0x0a00_0000 + n).into()))
}

#[test]
fn ten_thousand_guesses_from_a_thousand_addresses_are_twenty_a_minute() {
    let limits = LoginLimits::default();
    let mut judged = Vec::new();
    for n in 0..10_000_u32 {
        let now = Duration::from_millis(u64::from(n) * 60);
        if limits.begin("root", address(n % 1000), now).is_ok() {
            judged.push(now);
        }
    }
    for (n, first) in judged.iter().enumerate() {
        let within = judged[n..].iter().filter(|now| **now < *first + MINUTE);
        assert!(within.count() <= 20, "{judged:?}");
    }
    assert!(judged.len() > 10, "somebody who waits may try again");
    // Others log in from the same addresses meanwhile.
    let now = Duration::from_millis(600_000);
    assert_eq!(limits.begin("meera", address(1), now), Ok(()));
}

#[test]
fn delays_grow_and_are_forgiven_by_success_and_by_time() {
    let limits = LoginLimits::default();
    let mut now = Duration::ZERO;
    for _ in 0..FREE_ATTEMPTS {
        assert_eq!(limits.begin("root", None, now), Ok(()));
    }
    for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
        let wait = Duration::from_secs(seconds);
        let refused = limits.begin("root", None, now).unwrap_err();
        assert_eq!((refused.wait, refused.seconds()), (wait, seconds));
        now += wait;
        assert_eq!(limits.begin("root", None, now), Ok(()));
    }
    assert!(limits.begin("root", None, now).is_err());
    limits.succeeded("root", None);
    assert_eq!(limits.begin("root", None, now), Ok(()));
    for _ in 0..FREE_ATTEMPTS {
        let _ = limits.begin("root", None, now);
    }
    now += FORGIVEN_AFTER + Duration::from_secs(1);
    for _ in 0..FREE_ATTEMPTS {
        assert_eq!(limits.begin("root", None, now), Ok(()));
    }
}

#[test]
fn an_address_guesses_at_many_accounts_at_a_pace() {
    let limits = LoginLimits::default();
    let guess = |n: u32, now| limits.begin(&format!("user-{n}"), address(7), now);
    let at_once = (0..1000).filter(|n| guess(*n, Duration::ZERO).is_ok());
    assert_eq!(at_once.count(), 60);
    let in_a_minute = (0..6000_u32)
        .filter(|n| guess(10_000 + n, Duration::from_millis(u64::from(*n) * 10)).is_ok())
        .count();
    assert!((59..=60).contains(&in_a_minute), "{in_a_minute}");
    // Who logs in takes nothing away from the others of the address.
    for n in 0..1000 {
        let name = format!("pupil-{n}");
        assert_eq!(limits.begin(&name, address(8), Duration::ZERO), Ok(()));
        limits.succeeded(&name, address(8));
    }
}

#[test]
fn a_network_of_ipv6_is_one_address() {
    let of = |text: &str| counted_address(text.parse().unwrap());
    assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
    assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
}

#[test]
fn requests_keep_the_rate_of_their_principal() {
    let limits = AccessLimits::default();
    let user = || CountedPrincipal::User("meera".into());
    let taken = (0..10_000_u64)
        .filter(|n| {
            limits
                .request(user(), 10, Duration::from_millis(*n))
                .is_ok()
        })
        .count();
    assert!((109..=110).contains(&taken), "{taken}");
    let other = CountedPrincipal::Address(address(1));
    assert_eq!(limits.request(other, 10, MINUTE), Ok(()));
}
