//! Settings in layers: the commented default file that is compiled in, one TOML file, `CONSIGN_*` variables, `--set key=value`. A key nobody
//! knows is an error that names the near one. Pure: files and variables are passed in.

use std::fmt;
use toml::{Table, Value};

/// Where a value came from, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    File(String),
    Variable(String),
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{path}"),
            Self::Variable(name) => write!(f, "the variable {name}"),
            Self::Flag(text) => write!(f, "--set {text}"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error("{from}: `{key}` is not a setting{}", .near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    Unknown { from: Source, key: String, near: Option<String> },
    #[error("{from}: {why}")]
    Malformed { from: Source, why: String },
    #[error("{from}: `{key}` must be {expected}, not {found}")]
    Type { from: Source, key: String, expected: &'static str, found: String },
}

/// The layers on top of each other. `defaults` knows every key; a table that is empty there takes any key (free-form, such as properties
/// that are passed through); a key listed in `optional` has no default.
#[derive(Clone, Debug)]
pub struct Layers {
    merged: Table,
    optional: Vec<&'static str>,
}

impl Layers {
    pub fn new(defaults: Table, optional: &[&'static str]) -> Self {
        Self { merged: defaults, optional: optional.to_vec() }
    }

    /// Puts a TOML file on top.
    pub fn file(&mut self, path: &str, text: &str) -> Result<(), SettingsError> {
        let from = Source::File(path.to_owned());
        let table: Table =
            text.parse().map_err(|error: toml::de::Error| SettingsError::Malformed { from: from.clone(), why: error.to_string() })?;
        for (key, value) in leaves(&table) {
            self.set(&key, value, &from)?;
        }
        Ok(())
    }

    /// Puts variables on top: `CONSIGN_GATEWAY_BODY_LIMIT` is `gateway.body_limit`. `reserved`: names that are not settings.
    pub fn variables(&mut self, variables: impl IntoIterator<Item = (String, String)>, reserved: &[&str]) -> Result<(), SettingsError> {
        for (name, text) in variables {
            let Some(rest) = name.strip_prefix("CONSIGN_") else { continue };
            if reserved.iter().any(|reserved| name == *reserved || (reserved.ends_with('_') && name.starts_with(reserved))) {
                continue;
            }
            let from = Source::Variable(name.clone());
            let spelled = rest.to_ascii_lowercase();
            let key = self.keys().into_iter().find(|key| key.replace('.', "_") == spelled);
            let Some(key) = key else {
                let near = self
                    .near(&spelled.replacen('_', ".", 1))
                    .map(|near| format!("CONSIGN_{}", near.replace('.', "_").to_ascii_uppercase()));
                return Err(SettingsError::Unknown { from, key: name, near });
            };
            self.set(&key, parse(&text), &from)?;
        }
        Ok(())
    }

    /// Puts `key=value` flags on top.
    pub fn flags<'a>(&mut self, flags: impl IntoIterator<Item = &'a str>) -> Result<(), SettingsError> {
        for flag in flags {
            let from = Source::Flag(flag.to_owned());
            let Some((key, text)) = flag.split_once('=') else {
                return Err(SettingsError::Malformed { from, why: "expected key=value".into() });
            };
            self.set(key.trim(), parse(text.trim()), &from)?;
        }
        Ok(())
    }

    pub fn merged(self) -> Table {
        self.merged
    }

    /// Every known key, dotted.
    pub fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = leaves(&self.merged).into_iter().map(|(key, _)| key).collect();
        keys.extend(
            self.optional.iter().filter(|key| !keys.iter().any(|known| known == *key)).map(|key| (*key).to_owned()).collect::<Vec<_>>(),
        );
        keys
    }

    fn near(&self, key: &str) -> Option<String> {
        let scored = self.keys().into_iter().map(|known| (strsim::jaro_winkler(&known, key), known));
        scored.filter(|(score, _)| *score > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
    }

    fn set(&mut self, key: &str, value: Value, from: &Source) -> Result<(), SettingsError> {
        let unknown = |layers: &Self| SettingsError::Unknown { from: from.clone(), key: key.to_owned(), near: layers.near(key) };
        let optional = self.optional.contains(&key);
        let (path, name) = key.rsplit_once('.').map_or((None, key), |(path, name)| (Some(path), name));
        let free = path.is_some_and(|path| lookup(&self.merged, path).is_some_and(|table| table.is_empty() || self.is_free(path)));
        let table = match path {
            Some(path) => lookup_mut(&mut self.merged, path),
            None => Some(&mut self.merged),
        };
        let Some(table) = table else {
            // A free-form table takes dotted keys whole: `kafka.properties."sasl.username"`.
            return self.set_free(key, value).ok_or_else(|| unknown(self));
        };
        match table.get(name) {
            Some(known) => {
                let value = fit(known, value).map_err(|(expected, found)| SettingsError::Type {
                    from: from.clone(),
                    key: key.to_owned(),
                    expected,
                    found,
                })?;
                table.insert(name.to_owned(), value);
            }
            None if optional || free => _ = table.insert(name.to_owned(), value),
            None => return Err(unknown(self)),
        }
        Ok(())
    }

    /// Free-form tables are optional keys that end in `.*`.
    fn is_free(&self, path: &str) -> bool {
        self.optional.iter().any(|key| key.strip_suffix(".*") == Some(path))
    }

    fn set_free(&mut self, key: &str, value: Value) -> Option<()> {
        let path = self.optional.iter().filter_map(|free| free.strip_suffix(".*")).find(|path| key.starts_with(&format!("{path}.")))?;
        let name = key[path.len() + 1..].to_owned();
        lookup_mut(&mut self.merged, path)?.insert(name, value);
        Some(())
    }
}

/// Values of variables and flags: TOML where it parses, else text.
fn parse(text: &str) -> Value {
    format!("v = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("v")).unwrap_or_else(|| Value::String(text.to_owned()))
}

fn leaves(table: &Table) -> Vec<(String, Value)> {
    table
        .iter()
        .flat_map(|(key, value)| match value {
            Value::Table(inner) if !inner.is_empty() => {
                leaves(inner).into_iter().map(|(rest, value)| (format!("{key}.{rest}"), value)).collect::<Vec<_>>()
            }
            Value::Table(_) => Vec::new(),
            value => vec![(key.clone(), value.clone())],
        })
        .collect()
}

fn lookup<'a>(table: &'a Table, path: &str) -> Option<&'a Table> {
    path.split('.').try_fold(table, |table, key| table.get(key)?.as_table())
}

fn lookup_mut<'a>(table: &'a mut Table, path: &str) -> Option<&'a mut Table> {
    path.split('.').try_fold(table, |table, key| table.get_mut(key)?.as_table_mut())
}

/// The value as the type that the default has; texts of variables become lists at commas.
fn fit(known: &Value, value: Value) -> Result<Value, (&'static str, String)> {
    let expected = |name| Err((name, value.to_string()));
    match (known, &value) {
        (Value::String(_), Value::String(_))
        | (Value::Integer(_), Value::Integer(_))
        | (Value::Float(_), Value::Float(_))
        | (Value::Boolean(_), Value::Boolean(_))
        | (Value::Array(_), Value::Array(_)) => Ok(value),
        (Value::Float(_), Value::Integer(number)) => Ok(Value::Float(*number as f64)),
        (Value::String(_), Value::Integer(_) | Value::Float(_) | Value::Boolean(_)) => Ok(Value::String(value.to_string())),
        (Value::Array(_), Value::String(text)) => {
            Ok(Value::Array(text.split(',').map(|item| Value::String(item.trim().to_owned())).collect()))
        }
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
