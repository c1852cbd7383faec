//! Settings in layers: the commented default file that is compiled in, one TOML file, `CONSIGN_*`
//! variables, `--set key=value`. A key nobody knows is an error that names the near one, and every
//! value remembers where it came from. Pure: files and variables are passed in.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};
use toml::{Table, Value};

/// Where a value came from, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    File(String),
    Variable(String),
    /// `--set key=value`: the key only, as values may be secret.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{path}"),
            Self::Variable(name) => write!(f, "the variable {name}"),
            Self::Flag(key) => write!(f, "--set {key}"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error("{from}: `{key}` is not a setting{}", .near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    Unknown {
        from: Source,
        key: String,
        near: Option<String>,
    },
    #[error("{from}: {why}")]
    Malformed { from: Source, why: String },
    #[error("{from}: `{key}` must be {expected}, not {found}")]
    Type {
        from: Source,
        key: String,
        expected: &'static str,
        found: String,
    },
}

/// The layers on top of each other.
#[derive(Clone, Debug)]
pub struct Layers {
    merged: Table,
    /// Settings without a default, each with an example that says of what type it is.
    examples: BTreeMap<String, Value>,
    /// Tables that take any key, such as properties that are passed through.
    free: BTreeSet<String>,
    origins: BTreeMap<String, Source>,
}

/// A value as it was written: of a file it has a type, of variables and flags it is text.
enum Given {
    Typed(Value),
    Text(String),
}

impl Layers {
    /// `defaults` holds every setting that has a default; a table that is empty there takes any
    /// key. `examples` holds the others.
    pub fn new(defaults: Table, examples: &Table) -> Self {
        let mut free = BTreeSet::new();
        empty_tables(&defaults, "", &mut free);
        Self {
            merged: defaults,
            examples: leaf_values(examples).into_iter().collect(),
            free,
            origins: BTreeMap::new(),
        }
    }

    /// Puts a TOML file on top.
    pub fn file(&mut self, path: &str, text: &str) -> Result<(), SettingsError> {
        let from = Source::File(path.to_owned());
        let table: Table =
            text.parse()
                .map_err(|error: toml::de::Error| SettingsError::Malformed {
                    from: from.clone(),
                    why: error.to_string(),
                })?;
        for (key, value) in leaf_values(&table) {
            self.set_value(&key, Given::Typed(value), &from)?;
        }
        Ok(())
    }

    /// Puts variables on top: `CONSIGN_GATEWAY_BODY_LIMIT` is `gateway.body_limit`, and below a
    /// table that takes any key each `_` is a dot. `reserved`: names (or, ending in `_`, beginnings
    /// of names) that are not settings.
    pub fn variables(
        &mut self,
        variables: impl IntoIterator<Item = (String, String)>,
        reserved: &[&str],
    ) -> Result<(), SettingsError> {
        for (name, text) in variables {
            let Some(rest) = name.strip_prefix("CONSIGN_") else {
                continue;
            };
            if reserved.iter().any(|reserved| {
                name == *reserved || (reserved.ends_with('_') && name.starts_with(reserved))
            }) {
                continue;
            }
            let from = Source::Variable(name.clone());
            let spelled = rest.to_ascii_lowercase();
            let known = self
                .keys()
                .into_iter()
                .find(|key| key.replace('.', "_") == spelled);
            let Some(key) = known.or_else(|| self.free_key(&spelled)) else {
                let near = self
                    .nearest_key(&spelled.replacen('_', ".", 1))
                    .map(|near| variable_name(&near));
                return Err(SettingsError::Unknown {
                    from,
                    key: name,
                    near,
                });
            };
            self.set_value(&key, Given::Text(text), &from)?;
        }
        Ok(())
    }

    /// Puts `key=value` flags on top.
    pub fn flags<'a>(
        &mut self,
        flags: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), SettingsError> {
        for flag in flags {
            let Some((key, text)) = flag.split_once('=') else {
                return Err(SettingsError::Malformed {
                    from: Source::Flag(flag.to_owned()),
                    why: "expected key=value".into(),
                });
            };
            let key = key.trim();
            self.set_value(
                key,
                Given::Text(text.trim().to_owned()),
                &Source::Flag(key.to_owned()),
            )?;
        }
        Ok(())
    }

    /// Where a value came from; nothing for a default.
    pub fn origin(&self, key: &str) -> Option<&Source> {
        self.origins.get(key)
    }

    /// All origins, by dotted key.
    pub fn origins(&self) -> &BTreeMap<String, Source> {
        &self.origins
    }

    pub fn merged(self) -> Table {
        self.merged
    }

    /// Every known key, dotted, those without a default included.
    pub fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = leaf_values(&self.merged)
            .into_iter()
            .map(|(key, _)| key)
            .collect();
        let missing: Vec<String> = self
            .examples
            .keys()
            .filter(|key| !keys.contains(key))
            .cloned()
            .collect();
        keys.extend(missing);
        keys
    }

    fn nearest_key(&self, key: &str) -> Option<String> {
        let scored = self
            .keys()
            .into_iter()
            .map(|known| (strsim::jaro_winkler(&known, key), known));
        scored
            .filter(|(score, _)| *score > 0.8)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, known)| known)
    }

    /// `kafka_properties_ssl_ca_location` is `kafka.properties.ssl.ca.location`.
    fn free_key(&self, spelled: &str) -> Option<String> {
        self.free.iter().find_map(|table| {
            let name = spelled
                .strip_prefix(&table.replace('.', "_"))?
                .strip_prefix('_')?;
            Some(format!("{table}.{}", name.replace('_', ".")))
        })
    }

    fn set_value(&mut self, key: &str, given: Given, from: &Source) -> Result<(), SettingsError> {
        let (path, name, value) =
            match self.free.iter().find_map(|table| {
                Some((table, key.strip_prefix(table.as_str())?.strip_prefix('.')?))
            }) {
                // Dots in the name belong to the name: `kafka.properties."sasl.username"`.
                Some((table, name)) => (table.as_str(), name, given.guessed()),
                None => {
                    let known = find_value(&self.merged, key).or_else(|| self.examples.get(key));
                    let Some(known) = known.filter(|known| !known.is_table()) else {
                        return Err(SettingsError::Unknown {
                            from: from.clone(),
                            key: key.to_owned(),
                            near: self.nearest_key(key),
                        });
                    };
                    let (path, name) = key.rsplit_once('.').unwrap_or(("", key));
                    let value =
                        given
                            .fitted(known)
                            .map_err(|(expected, found)| SettingsError::Type {
                                from: from.clone(),
                                key: key.to_owned(),
                                expected,
                                found,
                            })?;
                    (path, name, value)
                }
            };
        let mut segments = path.split('.').filter(|segment| !segment.is_empty());
        let table = segments.try_fold(&mut self.merged, |table, segment| {
            table
                .entry(segment)
                .or_insert_with(|| Value::Table(Table::new()))
                .as_table_mut()
        });
        table.map(|table| table.insert(name.to_owned(), value));
        self.origins.insert(key.to_owned(), from.clone());
        Ok(())
    }
}

/// `gateway.body_limit` is `CONSIGN_GATEWAY_BODY_LIMIT`.
pub fn variable_name(key: &str) -> String {
    format!("CONSIGN_{}", key.replace('.', "_").to_ascii_uppercase())
}

/// Every value that is no table, by dotted key.
pub fn leaf_values(table: &Table) -> Vec<(String, Value)> {
    let below = |(key, value): (&String, &Value)| match value {
        Value::Table(inner) => leaf_values(inner)
            .into_iter()
            .map(|(rest, value)| (format!("{key}.{rest}"), value))
            .collect(),
        value => vec![(key.clone(), value.clone())],
    };
    table.iter().flat_map(below).collect()
}

fn empty_tables(table: &Table, path: &str, found: &mut BTreeSet<String>) {
    for (key, value) in table {
        let Value::Table(inner) = value else { continue };
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        if inner.is_empty() {
            found.insert(path);
        } else {
            empty_tables(inner, &path, found);
        }
    }
}

fn find_value<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        Some((first, rest)) => find_value(table.get(first)?.as_table()?, rest),
        None => table.get(key),
    }
}

/// TOML where it parses.
fn parse_value(text: &str) -> Option<Value> {
    format!("v = {text}")
        .parse::<Table>()
        .ok()
        .filter(|table| table.len() == 1)?
        .remove("v")
}

impl Given {
    fn guessed(self) -> Value {
        match self {
            Self::Typed(value) => value,
            Self::Text(text) => parse_value(&text).unwrap_or(Value::String(text)),
        }
    }

    /// The value as the type that the known one has.
    fn fitted(self, known: &Value) -> Result<Value, (&'static str, String)> {
        let value = match self {
            Self::Typed(value) => value,
            Self::Text(text) => match (known, parse_value(&text)) {
                (Value::String(_), Some(Value::String(quoted))) => Value::String(quoted),
                (Value::String(_), _) => Value::String(text),
                (Value::Array(_), Some(list @ Value::Array(_))) => list,
                (Value::Array(_), _) => Value::Array(
                    text.split(',')
                        .map(|item| Value::String(item.trim().to_owned()))
                        .collect(),
                ),
                (_, Some(value)) => value,
                (_, None) => Value::String(text),
            },
        };
        fit_value(known, value)
    }
}

fn fit_value(known: &Value, value: Value) -> Result<Value, (&'static str, String)> {
    let expected = |name| Err((name, value.to_string()));
    match (known, &value) {
        (Value::String(_), Value::String(_))
        | (Value::Integer(_), Value::Integer(_))
        | (Value::Float(_), Value::Float(_))
        | (Value::Boolean(_), Value::Boolean(_))
        | (Value::Array(_), Value::Array(_)) => Ok(value),
        (Value::Float(_), Value::Integer(number)) => Ok(Value::Float(*number as f64)),
        (Value::String(_), _) => expected("a text"),
        (Value::Integer(_), _) => expected("a whole number"),
        (Value::Float(_), _) => expected("a number"),
        (Value::Boolean(_), _) => expected("true or false"),
        (Value::Array(_), _) => expected("a list"),
        (Value::Table(_), _) => expected("a section"),
        (Value::Datetime(_), _) => expected("a time"),
    }
}

#[cfg(test)]
mod tests;
