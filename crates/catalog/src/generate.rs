//! Ids and times that an operation makes for a request. Ids derive from the request's unique bytes
//! alone, so that a true repeat makes the same ones; times are those of the acceptance, kept in the
//! event so that every replay repeats them.

use crate::{
    definition::{GeneratorDefinition, Make},
    expression::{EvalError, Expr, Names, Scope},
};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// All that differs between two acceptances of the same bytes. Generated ids derive from `unique`,
/// so a true repeat makes the same ones.
#[derive(Clone, Copy, Debug)]
pub struct Seed {
    /// The request's 16 unique bytes (`RequestId::unique`).
    pub unique: [u8; 16],
    /// Unix milliseconds.
    pub now: i64,
}

/// How one generated value is made.
#[derive(Debug)]
pub(crate) struct Generator {
    pub name: String,
    make: Make,
    each: Option<Expr>,
    unless: Option<Expr>,
}

impl Generator {
    pub fn compile(name: &str, definition: &Value, names: &Names<'_>) -> Result<Self, String> {
        let definition: GeneratorDefinition = match definition {
            Value::String(make) => serde_json::from_value(serde_json::json!({ "make": make })),
            other => serde_json::from_value(other.clone()),
        }
        .map_err(|e| e.to_string())?;
        let parse =
            |value: &Option<Value>| value.as_ref().map(|value| names.parse(value)).transpose();
        Ok(Self {
            name: name.to_owned(),
            make: definition.make,
            each: parse(&definition.each)?,
            unless: parse(&definition.unless)?,
        })
    }

    /// Is it an id, so that nothing can stand under it yet?
    pub fn is_id(&self) -> bool {
        self.make != Make::Time
    }

    /// What it looks at.
    pub fn exprs(&self) -> impl Iterator<Item = &Expr> {
        self.each.iter().chain(&self.unless)
    }

    /// Adds its value to `generated`, if it makes one.
    pub fn run(
        &self,
        scope: &Scope<'_>,
        seed: &Seed,
        generated: &mut Map<String, Value>,
    ) -> Result<(), EvalError> {
        if let Some(unless) = &self.unless
            && scope.find(unless)?.is_some_and(|value| !value.is_null())
        {
            return Ok(());
        }
        let value = match &self.each {
            None => self.value(seed, 0),
            Some(each) => match scope.list(each)? {
                None => return Ok(()),
                Some(list) => (0..list.len()).map(|n| self.value(seed, n)).collect(),
            },
        };
        generated.insert(self.name.clone(), value);
        Ok(())
    }

    fn value(&self, seed: &Seed, n: usize) -> Value {
        match self.make {
            Make::Time => seed.now.into(),
            Make::Uuid => make_uuid(seed, self.derive(seed, n)).into(),
            Make::Decimal => make_decimal(self.derive(seed, n)).into(),
        }
    }

    fn derive(&self, seed: &Seed, n: usize) -> [u8; 16] {
        let hash = Sha256::new()
            .chain_update(seed.unique)
            .chain_update(&self.name)
            .chain_update((n as u64).to_be_bytes())
            .finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        bytes
    }
}

/// As a random (version 4) UUID is written, and as good as random; where the request's own bytes
/// begin with the time (version 7), so does this, and it sorts as they do: what is made at the same
/// time stands side by side in the stores, in its order.
fn make_uuid(seed: &Seed, mut bytes: [u8; 16]) -> String {
    let version = match seed.unique[6] >> 4 {
        7 => {
            bytes[..9].copy_from_slice(&seed.unique[..9]);
            7
        }
        _ => 4,
    };
    bytes[6] = bytes[6] & 0x0f | version << 4;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (n, byte) in bytes.iter().enumerate() {
        if matches!(n, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    text
}

/// 24 digits, the first not 0: opaque text as Sunbird's own ids are, but with room enough never to
/// meet another.
fn make_decimal(bytes: [u8; 16]) -> String {
    const LEAST: u128 = 10u128.pow(23);
    (LEAST + u128::from_be_bytes(bytes) % (9 * LEAST)).to_string()
}

#[cfg(test)]
mod tests;
