//! A profile: `{policies: [{roleId, restrictedTo?: [{index, collections?}]}], rateLimit?, tags?}`.

use crate::RightsFault;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A profile as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RightsProfile {
    pub policies: Vec<Policy>,
    /// Kept for Kuzzle's clients; nothing is limited by it.
    #[serde(default, rename = "rateLimit", skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Value>,
    #[serde(
        default,
        rename = "_kuzzle_info",
        skip_serializing_if = "Option::is_none"
    )]
    pub info: Option<Value>,
}

/// A role, and where it counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    #[serde(rename = "roleId")]
    pub role: String,
    /// Empty: everywhere.
    #[serde(
        default,
        rename = "restrictedTo",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub restricted_to: Vec<Restriction>,
}

/// An index, or some of its collections.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Restriction {
    pub index: String,
    /// Empty: all of the index.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collections: Vec<String>,
}

impl RightsProfile {
    /// Reads a profile as a client sends it. Without any policies it has the role `default`.
    pub fn read(mut body: Map<String, Value>) -> Result<Self, RightsFault> {
        let policies = body.remove("policies");
        let rate_limit = body.remove("rateLimit").filter(|limit| !limit.is_null());
        let tags = body.remove("tags").filter(|tags| !tags.is_null());
        body.remove("_kuzzle_info");
        if let Some(other) = body.keys().next() {
            return Err(RightsFault::Unexpected(
                other.clone(),
                "policies, rateLimit, tags",
            ));
        }
        let rate_limit = match rate_limit {
            None => None,
            Some(limit) => Some(limit.as_u64().ok_or_else(|| {
                RightsFault::WrongType("rateLimit".into(), "a whole number that is not negative")
            })?),
        };
        let policies = match policies {
            None => return Err(RightsFault::Missing("policies".into())),
            Some(Value::Array(policies)) => policies,
            Some(_) => return Err(RightsFault::WrongType("policies".into(), "an array")),
        };
        let read = |(n, policy): (usize, Value)| read_policy(&format!("policies[{n}]"), policy);
        let mut policies: Vec<Policy> = policies
            .into_iter()
            .enumerate()
            .map(read)
            .collect::<Result<_, _>>()?;
        if policies.is_empty() {
            policies.push(Policy {
                role: "default".into(),
                restricted_to: Vec::new(),
            });
        }
        let info = None;
        Ok(Self {
            policies,
            rate_limit,
            tags,
            info,
        })
    }
}

fn expect_object(at: &str, value: Value) -> Result<Map<String, Value>, RightsFault> {
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(RightsFault::WrongType(at.into(), "an object")),
    }
}

fn expect_text(at: String, value: Option<Value>) -> Result<String, RightsFault> {
    match value {
        Some(Value::String(text)) if text.is_empty() => Err(RightsFault::Empty(at)),
        Some(Value::String(text)) => Ok(text),
        None => Err(RightsFault::Missing(at)),
        Some(_) => Err(RightsFault::WrongType(at, "a string")),
    }
}

fn expect_list(at: &str, value: Option<Value>) -> Result<Vec<Value>, RightsFault> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) => Ok(list),
        Some(_) => Err(RightsFault::WrongType(at.into(), "an array")),
    }
}

fn read_policy(at: &str, policy: Value) -> Result<Policy, RightsFault> {
    let mut policy = expect_object(at, policy)?;
    let role = expect_text(format!("{at}.roleId"), policy.remove("roleId"))?;
    let within = format!("{at}.restrictedTo");
    let restrictions = expect_list(&within, policy.remove("restrictedTo"))?;
    if let Some(other) = policy.keys().next() {
        return Err(RightsFault::Unexpected(
            format!("{at}.{other}"),
            "roleId, restrictedTo",
        ));
    }
    let read = |(n, one): (usize, Value)| read_restriction(&format!("{within}[{n}]"), one);
    let restricted_to = restrictions
        .into_iter()
        .enumerate()
        .map(read)
        .collect::<Result<_, _>>()?;
    Ok(Policy {
        role,
        restricted_to,
    })
}

fn read_restriction(at: &str, restriction: Value) -> Result<Restriction, RightsFault> {
    let mut restriction = expect_object(at, restriction)?;
    let index = expect_text(format!("{at}.index"), restriction.remove("index"))?;
    let within = format!("{at}.collections");
    let collections = expect_list(&within, restriction.remove("collections"))?;
    if let Some(other) = restriction.keys().next() {
        return Err(RightsFault::Unexpected(
            format!("{at}.{other}"),
            "index, collections",
        ));
    }
    let read = |(n, one): (usize, Value)| expect_text(format!("{within}[{n}]"), Some(one));
    let collections = collections
        .into_iter()
        .enumerate()
        .map(read)
        .collect::<Result<_, _>>()?;
    Ok(Restriction { index, collections })
}
