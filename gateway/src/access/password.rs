//! Passwords: hashed with Argon2id on a few threads of their own, with a bounded queue before them,
//! and judged by a few rules. A password is wiped once it is used, and never logged.

pub(crate) mod imported;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use std::{
    hint::black_box,
    sync::{Arc, LazyLock},
};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// OWASP's least: 19 MiB, 2 passes, 1 lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
/// What a stored hash may ask for at most.
const MOST_MEMORY_KIB: u32 = 256 * 1024;
const MOST_PASSES: u32 = 16;
const HASH_BYTES: usize = 32;

/// Passwords that are hashed at once, and that wait.
const AT_ONCE: usize = 2;
const WAITING: usize = 64;

const LEAST_LETTERS: usize = 8;
const MOST_BYTES: usize = 1024;
/// Among the commonest ones of eight letters and more.
const COMMON: &[&str] = &[
    "12345678",
    "123456789",
    "1234567890",
    "11111111",
    "00000000",
    "87654321",
    "88888888",
    "12341234",
    "abcd1234",
    "abc12345",
    "1q2w3e4r",
    "1qaz2wsx",
    "q1w2e3r4",
    "qwerty12",
    "qwerty123",
    "qwertyui",
    "qwertyuiop",
    "asdfghjk",
    "asdfghjkl",
    "password",
    "password1",
    "password123",
    "passw0rd",
    "p@ssw0rd",
    "iloveyou",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "superman",
    "trustno1",
    "welcome1",
    "letmein1",
    "admin123",
    "administrator",
    "changeme",
    "computer",
    "starwars",
    "whatever",
    "internet",
];

/// Why a password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WeakPassword {
    #[error("a password has at least {LEAST_LETTERS} characters")]
    TooShort,
    #[error("a password has at most {MOST_BYTES} bytes")]
    TooLong,
    #[error("a password is not the user's name, nor does it hold it")]
    HoldsName,
    #[error("the password is among the commonest")]
    Common,
}

/// May it be a password of this user?
pub(crate) fn check_password(password: &str, username: &str) -> Result<(), WeakPassword> {
    let (lower, name) = (
        Zeroizing::new(password.to_lowercase()),
        username.to_lowercase(),
    );
    if password.chars().count() < LEAST_LETTERS {
        Err(WeakPassword::TooShort)
    } else if password.len() > MOST_BYTES {
        Err(WeakPassword::TooLong)
    } else if *lower == name || (name.len() > 3 && lower.contains(&name)) {
        Err(WeakPassword::HoldsName)
    } else if COMMON.contains(&lower.as_str()) {
        Err(WeakPassword::Common)
    } else {
        Ok(())
    }
}

/// As many passwords wait as may.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PasswordPoolFull;

/// Where passwords are hashed.
pub(crate) struct PasswordPool {
    queue: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

impl Default for PasswordPool {
    fn default() -> Self {
        Self {
            queue: Arc::new(Semaphore::new(WAITING)),
            running: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

/// What an unknown user's password is compared with, so that the answer takes as long.
static DUMMY: LazyLock<String> = LazyLock::new(|| make_hash(b"no account has this password"));

impl PasswordPool {
    pub(crate) async fn hash(
        &self,
        password: Zeroizing<String>,
    ) -> Result<String, PasswordPoolFull> {
        self.run(move || make_hash(password.as_bytes())).await
    }

    /// Is it the password of this hash? If it is not, the answer takes as long whether there is a
    /// hash or none, and whatever that was made by.
    pub(crate) async fn verify(
        &self,
        password: Zeroizing<String>,
        hash: Option<String>,
    ) -> Result<bool, PasswordPoolFull> {
        self.run(move || compare_evenly(&password, hash.as_deref()))
            .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordPoolFull> {
        let Ok(_place) = self.queue.try_acquire() else {
            return Err(PasswordPoolFull);
        };
        let turn = self.running.clone().acquire_owned().await;
        let turn = turn.map_err(|_| PasswordPoolFull)?;
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            // Held by the work itself: a client that goes away makes no room for another hash.
            drop(turn);
            done
        });
        done.await.map_err(|_| PasswordPoolFull)
    }
}

fn make_hash(password: &[u8]) -> String {
    let salt: [u8; 16] = runtime::random();
    let params = Params::new(MEMORY_KIB, PASSES, 1, Some(HASH_BYTES))
        .expect("the parameters are constants that Argon2 takes");
    let hash = compute_hash(password, &salt, params).expect("salt and parameters are sound");
    let (salt, hash) = (BASE64.encode(salt), BASE64.encode(hash));
    format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p=1${salt}${hash}")
}

fn compute_hash(password: &[u8], salt: &[u8], params: Params) -> Option<[u8; HASH_BYTES]> {
    let mut hash = [0; HASH_BYTES];
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon.hash_password_into(password, salt, &mut hash).ok()?;
    Some(hash)
}

fn compare_evenly(password: &str, hash: Option<&str>) -> bool {
    let (known, hash) = (hash.is_some(), hash.unwrap_or(&DUMMY));
    // Whatever is hashed has the length of a password.
    let long = password.len() > MOST_BYTES;
    let given = if long { "" } else { password };
    let matches = matches_hash(given.as_bytes(), hash) & known & !long;
    if !matches {
        spend_rest(given.as_bytes(), hash);
    }
    matches
}

/// Does what comparing with this hash left out of one hash of each kind: of ours, and of the dearest
/// that was taken over. Whoever knows the password does not wait for it.
fn spend_rest(password: &[u8], compared: &str) {
    if imported::is_imported(compared) {
        black_box(matches_hash(password, &DUMMY));
    }
    imported::spend_rest(password, compared);
}

/// Is it weaker than what is made now? Whoever logs in by it is hashed anew.
pub(crate) fn is_outdated(stored: &str) -> bool {
    imported::is_imported(stored)
        || parse_hash(stored)
            .is_some_and(|(params, ..)| params.m_cost() < MEMORY_KIB || params.t_cost() < PASSES)
}

/// A hash that cannot be read is nobody's.
fn matches_hash(password: &[u8], stored: &str) -> bool {
    if imported::is_imported(stored) {
        return imported::matches(password, stored);
    }
    let Some((params, salt, hash)) = parse_hash(stored) else {
        return false;
    };
    let found = compute_hash(password, &salt, params);
    found.is_some_and(|found| found[..].ct_eq(&hash).into())
}

fn parse_hash(stored: &str) -> Option<(Params, Vec<u8>, Vec<u8>)> {
    let rest = stored.strip_prefix("$argon2id$v=19$")?;
    let mut parts = rest.split('$');
    let (costs, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
    let mut costs = costs.split(',');
    let mut cost = |name: &str| costs.next()?.strip_prefix(name)?.parse::<u32>().ok();
    let (memory, passes, lanes) = (cost("m=")?, cost("t=")?, cost("p=")?);
    let hash = BASE64
        .decode(hash)
        .ok()
        .filter(|hash| hash.len() == HASH_BYTES)?;
    let sound = memory <= MOST_MEMORY_KIB && passes <= MOST_PASSES && parts.next().is_none();
    let params = Params::new(memory, passes, lanes, Some(HASH_BYTES)).ok()?;
    sound.then_some((params, BASE64.decode(salt).ok()?, hash))
}

#[cfg(test)]
mod tests;
