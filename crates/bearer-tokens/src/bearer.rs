//! From the claims of a token that is believed to who bears it, by the issuer's table. A group that
//! the table does not name gives nothing. Pure.

use crate::{IssuerConfig, TokenFault};
use serde_json::{Map, Value};

/// The longest name of a principal there, bytes.
const LONGEST_NAME: usize = 256;

/// Who bears a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenBearer {
    /// `ISSUER:SUBJECT`, by the issuer's name in the configuration: nobody of another issuer, and no
    /// user of the deployment, has it.
    pub name: String,
    pub profiles: Vec<String>,
    /// Those of its groups or roles that the issuer's table names.
    pub groups: Vec<String>,
    pub attributes: Map<String, Value>,
    /// Until when the token is believed, Unix milliseconds.
    pub until: i64,
}

impl TokenBearer {
    pub(crate) fn of_claims(
        config: &IssuerConfig,
        claims: Map<String, Value>,
        until: i64,
    ) -> Result<Self, TokenFault> {
        let claims = Value::Object(claims);
        let subject = claims.pointer(&config.principal).and_then(Value::as_str);
        let fits = |subject: &&str| {
            !subject.is_empty()
                && subject.len() <= LONGEST_NAME
                && !subject.chars().any(char::is_control)
        };
        let subject = subject.filter(fits).ok_or(TokenFault::Claim("principal"))?;
        let groups = config.groups.as_ref();
        let groups = groups.and_then(|pointer| claims.pointer(pointer));
        let groups: Vec<&str> = match groups {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
            Some(_) | None => Vec::new(),
        };
        let mut groups: Vec<String> = groups
            .into_iter()
            .filter(|group| config.profiles.contains_key(*group))
            .map(str::to_owned)
            .collect();
        groups.sort_unstable();
        groups.dedup();
        let attribute = |(name, pointer): (&String, &String)| {
            Some((name.clone(), claims.pointer(pointer)?.clone()))
        };
        Ok(Self {
            name: format!("{}:{subject}", config.name),
            profiles: profiles_of_groups(config, &groups),
            groups,
            attributes: config.attributes.iter().filter_map(attribute).collect(),
            until,
        })
    }
}

/// What the issuer's table gives to members of these groups.
pub(crate) fn profiles_of_groups(config: &IssuerConfig, groups: &[String]) -> Vec<String> {
    let of_groups = groups.iter().filter_map(|group| config.profiles.get(group));
    let mut profiles: Vec<String> = Vec::new();
    for profile in config.default_profiles.iter().chain(of_groups.flatten()) {
        if !profiles.contains(profile) {
            profiles.push(profile.clone());
        }
    }
    profiles
}
