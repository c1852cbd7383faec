//! The one source of randomness: unpredictable, and good enough for secrets.

use rand::distr::{Distribution, StandardUniform};

/// A value of which every one is equally likely; a float from 0 up to, but never, 1.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that asks the generator"
)]
pub fn random<T>() -> T
where
    StandardUniform: Distribution<T>,
{
    rand::random()
}
