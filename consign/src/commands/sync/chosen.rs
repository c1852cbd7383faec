//! What a sync is about: ids of one kind of objects, and their documents in the record and in the view.

use crate::{client::Client, failure::Failure};
use clap::ValueEnum;
use reqwest::Method;
use serde_json::{Value, json};
use std::{collections::BTreeSet, io::Read as _, path::Path};

/// Ids that are asked for at once.
pub const CHUNK: usize = 500;
/// Ids that a message names.
const NAMED: usize = 5;

/// Whose documents.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum ObjectKind {
    User,
    #[value(alias = "org")]
    Organisation,
    Batch,
    /// An enrolment.
    UserCourse,
}

impl ObjectKind {
    /// As the operation knows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Organisation => "organisation",
            Self::Batch => "batch",
            Self::UserCourse => "user_course",
        }
    }

    /// Where its documents are; the first has one of every object.
    fn collections(self) -> &'static [&'static str] {
        match self {
            Self::User => &["user", "userprofilevisibility"],
            Self::Organisation => &["org"],
            Self::Batch => &["cbatch"],
            Self::UserCourse => &["usercourses"],
        }
    }
}

/// Each id once, in the order in which they were given.
pub fn read_ids(mut ids: Vec<String>, file: Option<&Path>) -> Result<Vec<String>, Failure> {
    if let Some(file) = file {
        let mut text = String::new();
        let read = if file == Path::new("-") {
            std::io::stdin().read_to_string(&mut text).map(drop)
        } else {
            std::fs::read_to_string(file).map(|read| text = read)
        };
        read.map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        ids.extend(lines.map(str::to_owned));
    }
    let mut seen = BTreeSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    if ids.is_empty() {
        return Err(Failure::usage("no id is given").hint("as arguments, or --ids-from FILE"));
    }
    Ok(ids)
}

/// Asks a gateway for documents of a kind.
pub struct ChosenObjects<'a> {
    pub client: &'a Client,
    pub kind: ObjectKind,
}

impl ChosenObjects<'_> {
    /// Nothing is begun unless the record has all of them.
    pub async fn expect_present(&self, ids: &[String]) -> Result<(), Failure> {
        let mut missing = Vec::new();
        for chunk in ids.chunks(CHUNK) {
            let found = self
                .documents(self.kind.collections()[0], "_mget", chunk)
                .await?;
            let is_there = |id: &&String| found.iter().any(|document| document["_id"] == **id);
            missing.extend(chunk.iter().filter(|id| !is_there(id)).cloned());
        }
        if missing.is_empty() {
            return Ok(());
        }
        let named = missing
            .iter()
            .take(NAMED)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        let why = format!(
            "{} of {} are not in the record: {named}",
            missing.len(),
            ids.len()
        );
        Err(Failure::failed(why).hint("nothing was asked for"))
    }

    /// Those of which the view has another document than the record, or none, or one too many.
    pub async fn differing(&self, ids: &[String]) -> Result<Vec<String>, Failure> {
        let mut differing = BTreeSet::new();
        for collection in self.kind.collections() {
            let record = self.documents(collection, "_mget", ids).await?;
            let view = self.documents(collection, "_search", ids).await?;
            for id in ids {
                let of = |all: &[Value]| {
                    let found = all.iter().find(|document| document["_id"] == *id);
                    found.map(|document| document["_source"].clone())
                };
                if of(&record) != of(&view) {
                    differing.insert(id.clone());
                }
            }
        }
        Ok(ids
            .iter()
            .filter(|id| differing.contains(*id))
            .cloned()
            .collect())
    }

    async fn documents(
        &self,
        collection: &str,
        way: &str,
        ids: &[String],
    ) -> Result<Vec<Value>, Failure> {
        let path = format!("/v1/documents/sunbird/{collection}/{way}");
        let (body, list) = match way {
            "_mget" => (json!({"ids": ids}), "documents"),
            _ => (
                json!({"query": {"ids": {"values": ids}}, "size": ids.len()}),
                "hits",
            ),
        };
        let asked = self.client.at(Method::POST, &path).json(&body);
        let mut found = self.client.send(asked).await?.succeeded()?;
        match found[list].take() {
            Value::Array(found) => Ok(found),
            other => Err(Failure::failed(format!("no {list} in {other}"))),
        }
    }
}
