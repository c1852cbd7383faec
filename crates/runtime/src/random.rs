//! The one source of randomness: unpredictable, and good enough for secrets; except on a thread that
//! runs a simulation.

use rand::{
    Rng, SeedableRng,
    distr::{Distribution, StandardUniform},
    rngs::StdRng,
};
use std::cell::RefCell;

thread_local! {
    static SEEDED: RefCell<Option<StdRng>> = const { RefCell::new(None) };
}

/// A value of which every one is equally likely; a float from 0 up to, but never, 1.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that asks the generator"
)]
pub fn random<T>() -> T
where
    StandardUniform: Distribution<T>,
{
    SEEDED.with_borrow_mut(|seeded| match seeded {
        Some(generator) => generator.random(),
        None => rand::random(),
    })
}

/// For simulations: from now on all randomness of this thread follows from the number. No secret may
/// be made on it any more.
pub fn seed_thread(seed: u64) {
    SEEDED.set(Some(StdRng::seed_from_u64(seed)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seeded_thread_repeats_itself_and_no_other_does() {
        let seeded = || {
            std::thread::spawn(|| {
                seed_thread(7);
                (random::<u64>(), random::<u64>())
            })
        };
        let (first, second) = (seeded().join().unwrap(), seeded().join().unwrap());
        assert_eq!(first, second);
        assert_ne!(random::<u64>(), random::<u64>());
    }
}
