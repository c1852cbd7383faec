//! Values of a field in their order, each with the documents that hold it: numbers as keys whose
//! order is theirs, addresses, points along a curve.

use super::set::DocumentSet;
use std::{
    collections::BTreeSet,
    ops::{Bound, RangeBounds},
};
use store::mapping::coerce::Number;

#[derive(Debug)]
pub(crate) struct OrderedValues<K> {
    entries: BTreeSet<(K, u32)>,
    /// Documents that have a value.
    pub present: DocumentSet,
    documents: usize,
}

impl<K> Default for OrderedValues<K> {
    fn default() -> Self {
        Self {
            entries: BTreeSet::new(),
            present: DocumentSet::default(),
            documents: 0,
        }
    }
}

impl<K: Ord + Copy> OrderedValues<K> {
    /// All at once, from none.
    pub fn fill(&mut self, mut entries: Vec<(K, u32)>) {
        entries.sort_unstable();
        entries.dedup();
        self.present = entries.iter().map(|(_, number)| *number).collect();
        self.documents = self.present.len() as usize;
        self.entries = entries.into_iter().collect();
    }

    /// A document holds other values than before; both are in order.
    pub fn replace(&mut self, number: u32, before: &[K], after: &[K]) {
        match (before.is_empty(), after.is_empty()) {
            (true, false) => {
                self.present.insert(number);
                self.documents += 1;
            }
            (false, true) => {
                self.present.remove(number);
                self.documents = self.documents.saturating_sub(1);
            }
            _ => {}
        }
        for value in before
            .iter()
            .filter(|value| after.binary_search(value).is_err())
        {
            self.entries.remove(&(*value, number));
        }
        let new = after
            .iter()
            .filter(|value| before.binary_search(value).is_err());
        self.entries.extend(new.map(|value| (*value, number)));
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn documents(&self) -> usize {
        self.documents
    }

    /// Has no document several values?
    pub fn is_single(&self) -> bool {
        self.entries.len() == self.documents
    }

    pub fn has(&self, value: K) -> bool {
        self.within(Bound::Included(value), Bound::Included(value))
            .next()
            .is_some()
    }

    /// Values between two bounds, with the documents that hold them.
    pub fn within(
        &self,
        from: Bound<K>,
        to: Bound<K>,
    ) -> impl DoubleEndedIterator<Item = (K, u32)> + '_ {
        let from = match from {
            Bound::Unbounded => Bound::Unbounded,
            Bound::Included(value) => Bound::Included((value, 0)),
            Bound::Excluded(value) => Bound::Excluded((value, u32::MAX)),
        };
        let to = match to {
            Bound::Unbounded => Bound::Unbounded,
            Bound::Included(value) => Bound::Included((value, u32::MAX)),
            Bound::Excluded(value) => Bound::Excluded((value, 0)),
        };
        let range = (from, to);
        let is_empty = match (range.start_bound(), range.end_bound()) {
            (Bound::Included(a), Bound::Included(b)) => a > b,
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
            (Bound::Included(a) | Bound::Excluded(a), Bound::Included(b) | Bound::Excluded(b)) => {
                a >= b
            }
        };
        let all = (!is_empty).then(|| self.entries.range(range));
        all.into_iter().flatten().copied()
    }

    /// A set of pairs takes about half as much again as they do.
    pub fn bytes(&self) -> usize {
        self.entries.len() * size_of::<(K, u32)>() * 3 / 2 + self.present.bytes()
    }
}

/// Whole numbers up to here are fractions of 64 bits to the digit.
const EXACT: u128 = 1 << 53;

/// A key in whose order numbers are.
pub(crate) fn number_key(real: f64) -> u64 {
    let bits = real.to_bits();
    if bits >> 63 == 1 {
        !bits
    } else {
        bits | 1 << 63
    }
}

pub(crate) fn key_number(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 {
        key & !(1 << 63)
    } else {
        !key
    })
}

/// Is it one whose key may be another's too, or whose order is its own?
pub(crate) fn is_odd(key: u64) -> bool {
    let real = key_number(key);
    real.is_nan() || real.abs() >= EXACT as f64 || key == number_key(-0.0)
}

/// A bound of numbers among keys, and whether exactly the numbers beyond it are beyond its key.
/// `is_clean`: no odd number is among them.
pub(crate) fn key_bound(bound: &Bound<Number>, is_low: bool, is_clean: bool) -> (Bound<u64>, bool) {
    let number = match bound {
        Bound::Unbounded => return (Bound::Unbounded, true),
        Bound::Included(number) | Bound::Excluded(number) => *number,
    };
    let real = number.real();
    let is_exact = is_clean
        && match number {
            Number::Whole(whole) => whole.unsigned_abs() < EXACT,
            Number::Real(real) => !is_odd(number_key(real)) || real.is_infinite(),
        };
    if is_exact {
        let key = number_key(real);
        return match bound {
            Bound::Excluded(_) => (Bound::Excluded(key), true),
            _ => (Bound::Included(key), true),
        };
    }
    if real.is_nan() {
        return (Bound::Unbounded, false);
    }
    let wide = match real {
        0.0 if is_low => -0.0,
        0.0 => 0.0,
        other => other,
    };
    (Bound::Included(number_key(wide)), false)
}

#[cfg(test)]
mod tests {
    use super::{key_number, number_key};

    #[test]
    fn keys_are_in_the_order_of_numbers() {
        let all = [
            f64::NEG_INFINITY,
            -1e300,
            -1.5,
            -0.0,
            0.0,
            1e-300,
            1.0,
            1e300,
            f64::INFINITY,
        ];
        assert!(
            all.windows(2)
                .all(|two| number_key(two[0]) < number_key(two[1]))
        );
        for one in all {
            assert_eq!(key_number(number_key(one)).to_bits(), one.to_bits());
        }
    }
}
