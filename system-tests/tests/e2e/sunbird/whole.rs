//! All that both stores hold at a moment of the story, compared with what stands in `expected/`. Each
//! file there says what came, changed and went (null) since the one before. Names stand for what is made:
//! `<meera>` for an id, `<time>` and `<today>` for what the clock said, `•` for a keyed hash and for what
//! is sealed where nothing opens it. It must never take over what it finds: the files are written by
//! whoever has read what the operations are to do.

use super::story::Story;
use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{SystemTime, UNIX_EPOCH},
};
use system_tests::stores::{Held, Kept};

/// Tables that no read shows: their rows are compared as they are kept.
const HIDDEN: [&str; 3] = ["bulk_upload_chunk", "otp", "rate_limit"];
/// Rows whose key is hashed, and what finds them.
const BY_PLAIN_KEY: [(&str, &str); 2] = [
    (
        "usr_external_identity/coastal-schools/employee/•",
        "usr_external_identity/coastal-schools/employee/emp-20417",
    ),
    (
        "usr_external_identity/coastal-schools/staff/•",
        "usr_external_identity/coastal-schools/staff/emp-31802",
    ),
];
/// A keyed hash in base64.
const HASH_LENGTH: usize = 32;
const DAY: u64 = 86_400;

/// What is expected so far, and what stands for ids.
#[derive(Default)]
pub struct ExpectedStores {
    items: BTreeMap<String, Value>,
    /// Names by what they stand for.
    names: BTreeMap<String, String>,
    differing: BTreeSet<String>,
    told: Vec<String>,
}

impl ExpectedStores {
    /// `<name>` stands for this id from now on.
    pub fn name(&mut self, id: &str, name: &str) {
        self.names.insert(id.to_owned(), format!("<{name}>"));
    }

    fn change(&mut self, changes: &str) -> Result<()> {
        let changes: Map<String, Value> = serde_json::from_str(changes)?;
        for (name, content) in changes {
            match content {
                // What the file says of itself.
                Value::String(_) | Value::Array(_) if name.starts_with('_') => {}
                Value::Null => {
                    let was = self.items.remove(&name);
                    ensure!(was.is_some(), "{name} goes that was not there");
                }
                content => drop(self.items.insert(name, content)),
            }
        }
        Ok(())
    }

    fn named(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (id, name) in &self.names {
            if text.contains(id) {
                text = text.replace(id, name);
            }
        }
        text
    }

    /// With names in the place of what is made.
    fn value(&self, value: &Value, days: &[String]) -> Value {
        match value {
            Value::String(text) => {
                let day = days.iter().any(|day| text.starts_with(day.as_str()));
                match text.len() {
                    10 if day => json!("<today>"),
                    11.. if day => json!("<time>"),
                    _ => json!(masked(&self.named(text))),
                }
            }
            Value::Number(number) if number.as_u64().is_some_and(is_now) => json!("<time>"),
            Value::Array(list) => list.iter().map(|one| self.value(one, days)).collect(),
            Value::Object(members) => {
                // A null is as little as what is absent, to either store.
                let there = members.iter().filter(|(_, value)| !value.is_null());
                let named =
                    |(name, value): (&String, &Value)| (self.named(name), self.value(value, days));
                Value::Object(there.map(named).collect())
            }
            other => other.clone(),
        }
    }
}

impl Story {
    /// Reads everything and compares it with what was expected before and these changes.
    pub async fn compare_all(&mut self, chapter: &str, changes: &str) -> Result<()> {
        self.expected.change(changes).context(chapter.to_owned())?;
        let held = self.held().await?;
        let mut found = BTreeMap::new();
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let days = [date(now), date(now - DAY)];
        for (name, kept) in &held {
            let name = shown_name(name, kept);
            let content = self.content(&name, kept).await?;
            let content = self.expected.value(&content, &days);
            let before = found.insert(self.expected.named(&name), content);
            // Some values of one owner are alike without their hashes.
            let alike = before
                .filter(|_| name.contains('•'))
                .and_then(|n| n.as_u64());
            if let Some(alike) = alike {
                found.insert(self.expected.named(&name), json!(alike + 1));
            }
        }
        for difference in differences(&found, &self.expected.items) {
            if self.expected.differing.insert(difference.clone()) {
                self.expected.told.push(format!("{chapter}: {difference}"));
            }
        }
        Ok(())
    }

    /// Fails with all that differed in any chapter, each told once.
    pub fn nothing_differed(&self) -> Result<()> {
        let told = &self.expected.told;
        ensure!(told.is_empty(), "{}", told.join("\n"));
        Ok(())
    }

    /// Everything that the operations wrote.
    pub async fn held(&mut self) -> Result<Held> {
        let mut held = self.stores.read().await?;
        // What collections are is not asked for by these operations; that uploads are open is the gateways' note,
        // and who may what is changed by a log-in.
        let others = [
            "collection ",
            "document consign-security/",
            "row security_",
            "value security.",
        ];
        held.retain(|name, _| {
            !others.iter().any(|other| name.starts_with(other)) && name != "value open-uploads"
        });
        Ok(held)
    }

    /// As a client reads it, where one can.
    async fn content(&self, name: &str, kept: &Kept) -> Result<Value> {
        let (kind, rest) = name.split_once(' ').context("a kind")?;
        let is_hidden = HIDDEN.iter().any(|table| rest.starts_with(table));
        match kind {
            "value" if name.contains('•') => Ok(json!(1)),
            "document" => {
                let path = format!("/v1/documents/{rest}");
                let found = self.read(&path).await?.context(path)?;
                Ok(found["_source"].clone())
            }
            "row" if !is_hidden => {
                let plain = BY_PLAIN_KEY.iter().find(|(hashed, _)| *hashed == rest);
                let path = format!("/v1/tables/{}", plain.map_or(rest, |(_, plain)| plain));
                self.read(&path).await?.context(path)
            }
            _ => Ok(kept.content.clone()),
        }
    }
}

/// Keyed hashes left out; who has a unique value stands in its name then.
fn shown_name(name: &str, kept: &Kept) -> String {
    let segment = |segment: &str| match segment.len() {
        HASH_LENGTH => "•".to_owned(),
        _ => segment.to_owned(),
    };
    let shown: Vec<String> = name.split('/').map(segment).collect();
    let shown = shown.join("/");
    if shown.starts_with("value ") && shown.contains('•') {
        return format!("{shown} of {}", kept.content.as_str().unwrap_or_default());
    }
    shown
}

/// A sealed text says nothing but that it is one.
fn masked(text: &str) -> String {
    if text.starts_with("sealed:") {
        return "•".to_owned();
    }
    text.to_owned()
}

fn differences(found: &BTreeMap<String, Value>, expected: &BTreeMap<String, Value>) -> Vec<String> {
    let names: BTreeSet<&String> = found.keys().chain(expected.keys()).collect();
    let mut differences = Vec::new();
    for name in names {
        match (found.get(name), expected.get(name)) {
            (Some(found), None) => differences.push(format!("{name}: not expected: {found}")),
            (None, Some(_)) => differences.push(format!("{name}: is not there")),
            (Some(found), Some(expected)) => differences.extend(members(name, found, expected)),
            (None, None) => {}
        }
    }
    differences
}

fn members(name: &str, found: &Value, expected: &Value) -> Vec<String> {
    let (Some(there), Some(wanted)) = (found.as_object(), expected.as_object()) else {
        let differs = found != expected;
        return differs
            .then(|| format!("{name}: is {found}, not {expected}"))
            .into_iter()
            .collect();
    };
    let names: BTreeSet<&String> = there.keys().chain(wanted.keys()).collect();
    let pair = |member: &String| (there.get(member), wanted.get(member));
    let differing = names.into_iter().filter(|member| {
        let (there, wanted) = pair(member);
        there != wanted
    });
    let text = |value: Option<&Value>| value.map_or_else(|| "absent".to_owned(), Value::to_string);
    differing
        .map(|member| {
            let (there, wanted) = pair(member);
            format!("{name}: {member} is {}, not {}", text(there), text(wanted))
        })
        .collect()
}

/// A time of this hour in Unix milliseconds?
fn is_now(number: u64) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.is_ok_and(|now| number.abs_diff(now.as_millis() as u64) < 3_600_000)
}

/// The day of so many seconds after 1970, as `2031-01-06`.
fn date(seconds: u64) -> String {
    // Days of an era of 400 years, which begins in March.
    let days = seconds / DAY + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    format!("{:04}-{month:02}-{day:02}", year + era * 400 + next)
}
