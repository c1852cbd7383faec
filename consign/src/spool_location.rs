//! Where the spools of a deployment are, as `spool.location` names it: in an object store, or in
//! tables of the record. Connects to nothing.

use spool_objects::ObjectLocation;
use std::{fmt, str::FromStr};

const TABLES: &str = "cassandra://";

/// See the module's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpoolLocation {
    /// `s3://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`.
    Objects(ObjectLocation),
    /// `cassandra://FOLDER`: a name among the blobs of the record's keyspace.
    Tables { folder: String },
}

/// Why a text names no place for spools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSpoolLocation(String);

impl fmt::Display for BadSpoolLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SpoolLocation {
    type Err = BadSpoolLocation;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(folder) = text.strip_prefix(TABLES) {
            if !is_plain_name(folder) {
                let why = "`cassandra://FOLDER` names a folder by letters, digits, `-`, `_` and `.`; nodes and keyspace are those of `[cassandra]`";
                return Err(BadSpoolLocation(format!("`{text}`: {why}")));
            }
            return Ok(Self::Tables {
                folder: folder.to_owned(),
            });
        }
        let objects = text.parse::<ObjectLocation>();
        objects
            .map(Self::Objects)
            .map_err(|bad| BadSpoolLocation(bad.to_string()))
    }
}

impl fmt::Display for SpoolLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Objects(objects) => objects.fmt(f),
            Self::Tables { folder } => write!(f, "{TABLES}{folder}"),
        }
    }
}

/// Is it made of letters, digits, `-`, `_` and `.`?
pub fn is_plain_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !name.is_empty() && name.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_in_an_object_store_or_in_the_records_tables() {
        for text in [
            "cassandra://production",
            "s3://bucket/spools",
            "az://spools",
        ] {
            let location: SpoolLocation = text.parse().unwrap();
            assert_eq!(location.to_string(), text);
            let is_table = matches!(location, SpoolLocation::Tables { .. });
            assert_eq!(is_table, text.starts_with("cassandra"), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused_with_a_reason() {
        for (text, word) in [
            ("cassandra://", "folder"),
            ("cassandra://10.0.0.1:9042/spools", "[cassandra]"),
            ("cassandra://user@node", "[cassandra]"),
            ("spools", "s3://BUCKET"),
            ("file:///spools", "spool.folder"),
        ] {
            let why = text.parse::<SpoolLocation>().unwrap_err().to_string();
            assert!(why.contains(word), "{text}: {why}");
        }
    }
}
