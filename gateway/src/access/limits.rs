//! How often: passwords guessed at, of an account and by an address, and requests of a principal
//! whose profiles say how many a second. Pure: time is given. It must never look at a session: who
//! is logged in stays so, whatever others guess.

use moka::sync::Cache;
use parking_lot::Mutex;
use std::{
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

/// Accounts, addresses and principals that are remembered, each.
const REMEMBERED: u64 = 100_000;
/// Attempts at an account that are not slowed down, and what each one beyond waits for at least; it
/// doubles up to the longest. Together: not more than 20 in any minute.
const FREE_ATTEMPTS: u32 = 10;
const FIRST_DELAY: Duration = Duration::from_secs(1);
const LONGEST_DELAY: Duration = Duration::from_secs(60);
/// After as long without an attempt, those before do not count.
const FORGIVEN_AFTER: Duration = Duration::from_secs(15 * 60);
/// Failed attempts of an address: so many at once, and one more with each pause.
const ADDRESS_ATTEMPTS: u32 = 60;
const ADDRESS_PAUSE: Duration = Duration::from_secs(1);

/// It comes again after as long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LimitReached {
    pub wait: Duration,
}

impl LimitReached {
    /// For `Retry-After`.
    pub(crate) fn seconds(self) -> u64 {
        self.wait.as_secs() + u64::from(self.wait.subsec_nanos() > 0)
    }
}

/// Whoever calls from there is counted as one: of an IPv6 address, the network that is given to
/// one customer.
pub(crate) fn counted_address(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        address @ IpAddr::V4(_) => address,
    }
}

/// A pace per key: at most `burst` at once, and one more with each `pause` (the generic cell rate
/// algorithm).
pub(crate) struct PaceLimits<K> {
    /// When all that was taken is made up for, by a clock that only grows.
    paid_up: Cache<K, Arc<Mutex<Duration>>>,
}

impl<K: Hash + Eq + Send + Sync + 'static> Default for PaceLimits<K> {
    fn default() -> Self {
        Self {
            paid_up: Cache::new(REMEMBERED),
        }
    }
}

impl<K: Hash + Eq + Send + Sync + 'static> PaceLimits<K> {
    pub(crate) fn take(
        &self,
        key: K,
        now: Duration,
        (pause, burst): (Duration, u32),
    ) -> Result<(), LimitReached> {
        let paid_up = self.paid_up.get_with(key, Arc::default);
        let mut paid_up = paid_up.lock();
        let next = (*paid_up).max(now) + pause;
        let ahead = next.saturating_sub(now);
        let most = pause.saturating_mul(burst.max(1));
        if ahead > most {
            return Err(LimitReached { wait: ahead - most });
        }
        *paid_up = next;
        Ok(())
    }

    /// What was taken is given back.
    fn give_back(&self, key: &K, pause: Duration) {
        if let Some(paid_up) = self.paid_up.get(key) {
            let mut paid_up = paid_up.lock();
            *paid_up = paid_up.saturating_sub(pause);
        }
    }
}

#[derive(Default)]
struct AccountAttempts {
    count: u32,
    last: Duration,
    next: Duration,
}

/// How often passwords may be guessed at. An attempt counts from its beginning on, so that many at
/// once count as many; one that succeeds does not.
pub(crate) struct LoginLimits {
    accounts: Cache<String, Arc<Mutex<AccountAttempts>>>,
    addresses: PaceLimits<IpAddr>,
}

impl Default for LoginLimits {
    fn default() -> Self {
        Self {
            accounts: Cache::new(REMEMBERED),
            addresses: PaceLimits::default(),
        }
    }
}

impl LoginLimits {
    /// Before a password is compared.
    pub(crate) fn begin(
        &self,
        username: &str,
        address: Option<IpAddr>,
        now: Duration,
    ) -> Result<(), LimitReached> {
        let attempts = self.accounts.get_with_by_ref(username, Arc::default);
        let mut attempts = attempts.lock();
        if now.saturating_sub(attempts.last) > FORGIVEN_AFTER {
            *attempts = AccountAttempts::default();
        }
        if now < attempts.next {
            let wait = attempts.next - now;
            return Err(LimitReached { wait });
        }
        // What is not judged costs the others of an address nothing.
        if let Some(address) = address {
            let pace = (ADDRESS_PAUSE, ADDRESS_ATTEMPTS);
            self.addresses.take(counted_address(address), now, pace)?;
        }
        attempts.last = now;
        attempts.count += 1;
        if let Some(beyond) = attempts.count.checked_sub(FREE_ATTEMPTS) {
            let delay = FIRST_DELAY.saturating_mul(1 << beyond.min(10));
            attempts.next = now + delay.min(LONGEST_DELAY);
        }
        Ok(())
    }

    /// Before a code of another issuer is exchanged: nobody can guess at one, and it costs a call.
    pub(crate) fn begin_exchange(
        &self,
        address: Option<IpAddr>,
        now: Duration,
    ) -> Result<(), LimitReached> {
        let Some(address) = address else {
            return Ok(());
        };
        let pace = (ADDRESS_PAUSE, ADDRESS_ATTEMPTS);
        self.addresses.take(counted_address(address), now, pace)
    }

    /// The code was right.
    pub(crate) fn exchanged(&self, address: Option<IpAddr>) {
        if let Some(address) = address {
            let address = counted_address(address);
            self.addresses.give_back(&address, ADDRESS_PAUSE);
        }
    }

    /// The password was right.
    pub(crate) fn succeeded(&self, username: &str, address: Option<IpAddr>) {
        self.accounts.invalidate(username);
        if let Some(address) = address {
            let address = counted_address(address);
            self.addresses.give_back(&address, ADDRESS_PAUSE);
        }
    }
}

/// Whose requests are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum CountedPrincipal {
    User(Arc<str>),
    /// Of callers without a credential; none where it is not known.
    Address(Option<IpAddr>),
}

/// All limits of a gateway.
#[derive(Default)]
pub(crate) struct AccessLimits {
    pub logins: LoginLimits,
    requests: PaceLimits<CountedPrincipal>,
}

impl AccessLimits {
    /// One request of a principal that may make so many a second.
    pub(crate) fn request(
        &self,
        principal: CountedPrincipal,
        a_second: u32,
        now: Duration,
    ) -> Result<(), LimitReached> {
        let a_second = a_second.max(1);
        let pause = Duration::from_secs(1) / a_second;
        self.requests.take(principal, now, (pause, a_second))
    }
}

#[cfg(test)]
mod tests;
