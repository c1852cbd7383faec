//! What a sync is about: ids of one kind of objects, and their documents in the record and in the view.

use crate::{client::Client, failure::Failure};
use clap::ValueEnum;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeSet, io::Read as _, path::Path, time::Duration};
use tokio::time::Instant;

/// Ids that are asked for at once.
pub const CHUNK: usize = 500;
/// Ids that a message names.
const NAMED: usize = 5;

/// How long a page waits for its turn.
const PATIENCE: Duration = Duration::from_secs(60);

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
        let hint = "as arguments, --ids-from FILE, or --all";
        return Err(Failure::usage("no id is given").hint(hint));
    }
    Ok(ids)
}

#[derive(Deserialize)]
struct ComparisonAnswer {
    differing: Vec<String>,
    missing: Vec<String>,
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
            let compared = self.compare(self.kind.collections()[0], chunk).await?;
            missing.extend(compared.missing);
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

    /// About how many there are.
    pub async fn count(&self) -> Result<usize, Failure> {
        let path = format!(
            "/v1/documents/sunbird/{}/_count",
            self.kind.collections()[0]
        );
        let asked = self.client.at(Method::POST, &path).json(&json!({}));
        let found = self.client.send(asked).await?.succeeded()?;
        Ok(found["count"].as_u64().unwrap_or(0) as usize)
    }

    /// Ids of the record behind one of them; none at the end.
    pub async fn page(&self, behind: Option<&str>) -> Result<Vec<String>, Failure> {
        let path = format!("/v1/documents/sunbird/{}/_ids", self.kind.collections()[0]);
        let body = json!({"behind": behind, "limit": CHUNK});
        let began = Instant::now();
        let answer = loop {
            let asked = self.client.at(Method::POST, &path).json(&body);
            let answer = self.client.send(asked).await?;
            // A gateway reads few pages at once.
            if answer.status != 429 || began.elapsed() > PATIENCE {
                break answer;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        };
        let found = answer.succeeded()?;
        let ids = found["ids"].as_array();
        let ids = ids.ok_or_else(|| Failure::failed(format!("no ids in {found}")))?;
        Ok(ids
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect())
    }

    /// Those of which the view has another document than the record, or none, or one too many.
    pub async fn differing(&self, ids: &[String]) -> Result<Vec<String>, Failure> {
        let mut differing = BTreeSet::new();
        for collection in self.kind.collections() {
            differing.extend(self.compare(collection, ids).await?.differing);
        }
        let given = ids.iter().filter(|id| differing.contains(*id));
        Ok(given.cloned().collect())
    }

    async fn compare(&self, collection: &str, ids: &[String]) -> Result<ComparisonAnswer, Failure> {
        let path = format!("/v1/documents/sunbird/{collection}/_compare");
        let asked = self
            .client
            .at(Method::POST, &path)
            .json(&json!({"ids": ids}));
        let found = self.client.send(asked).await?.succeeded()?;
        let compared = ComparisonAnswer::deserialize(&found);
        compared.map_err(|error| Failure::failed(format!("{error} in {found}")))
    }
}
