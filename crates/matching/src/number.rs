//! A JSON number with exact order and equality across i64, u64 and f64. Must never round a
//! comparison: epoch milliseconds, 64-bit identifiers and decimals meet here without losing a
//! digit.

use std::cmp::Ordering;
use std::fmt;

/// One JSON number. Each mathematical value has exactly one representation (`1`, `1.0` and `1e0`
/// are the same, `-0` is `0`), so equality and hash are structural, and the order is total and
/// exact.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Number(Repr);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Repr {
    /// Any integer that fits.
    Signed(i64),
    /// Only integers above `i64::MAX`.
    Unsigned(u64),
    /// The bits of a finite f64 that is no integer, or lies outside i64 and u64.
    Float(u64),
}

const TWO_63: f64 = 9_223_372_036_854_775_808.0;
const TWO_64: f64 = 18_446_744_073_709_551_616.0;

impl Number {
    pub fn from_json(number: &serde_json::Number) -> Option<Number> {
        if let Some(signed) = number.as_i64() {
            return Some(Number::from(signed));
        }
        if let Some(unsigned) = number.as_u64() {
            return Some(Number::from(unsigned));
        }
        number.as_f64().and_then(Number::from_f64)
    }

    /// `None` for NaN and the infinities, which JSON cannot hold.
    pub fn from_f64(float: f64) -> Option<Number> {
        if !float.is_finite() {
            return None;
        }
        if float.fract() == 0.0 {
            if (-TWO_63..TWO_63).contains(&float) {
                return Some(Number::from(float as i64));
            }
            if (TWO_63..TWO_64).contains(&float) {
                return Some(Number::from(float as u64));
            }
        }
        Some(Number(Repr::Float(float.to_bits())))
    }

    /// The nearest f64: for display and estimates, never for comparison.
    pub fn to_f64(self) -> f64 {
        match self.0 {
            Repr::Signed(signed) => signed as f64,
            Repr::Unsigned(unsigned) => unsigned as f64,
            Repr::Float(bits) => f64::from_bits(bits),
        }
    }

    pub fn to_json(self) -> serde_json::Value {
        match self.0 {
            Repr::Signed(signed) => signed.into(),
            Repr::Unsigned(unsigned) => unsigned.into(),
            Repr::Float(bits) => f64::from_bits(bits).into(),
        }
    }
}

impl From<i64> for Number {
    fn from(signed: i64) -> Number {
        Number(Repr::Signed(signed))
    }
}

impl From<u64> for Number {
    fn from(unsigned: u64) -> Number {
        Number(i64::try_from(unsigned).map_or(Repr::Unsigned(unsigned), Repr::Signed))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Number) -> Ordering {
        match (self.0, other.0) {
            (Repr::Signed(a), Repr::Signed(b)) => a.cmp(&b),
            (Repr::Unsigned(a), Repr::Unsigned(b)) => a.cmp(&b),
            (Repr::Signed(_), Repr::Unsigned(_)) => Ordering::Less,
            (Repr::Unsigned(_), Repr::Signed(_)) => Ordering::Greater,
            (Repr::Float(a), Repr::Float(b)) => f64::from_bits(a).total_cmp(&f64::from_bits(b)),
            (Repr::Signed(a), Repr::Float(b)) => integer_to_float(i128::from(a), f64::from_bits(b)),
            (Repr::Unsigned(a), Repr::Float(b)) => {
                integer_to_float(i128::from(a), f64::from_bits(b))
            }
            (Repr::Float(a), Repr::Signed(b)) => {
                integer_to_float(i128::from(b), f64::from_bits(a)).reverse()
            }
            (Repr::Float(a), Repr::Unsigned(b)) => {
                integer_to_float(i128::from(b), f64::from_bits(a)).reverse()
            }
        }
    }
}

/// `float` is never an integer inside the integer's range, so the two are never equal. The cast
/// saturates, which keeps the order for floats beyond i128.
fn integer_to_float(integer: i128, float: f64) -> Ordering {
    if integer <= float.floor() as i128 {
        Ordering::Less
    } else {
        Ordering::Greater
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Repr::Signed(signed) => signed.fmt(f),
            Repr::Unsigned(unsigned) => unsigned.fmt(f),
            // Debug writes the shortest text that reads back as the same float.
            Repr::Float(bits) => write!(f, "{:?}", f64::from_bits(bits)),
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
