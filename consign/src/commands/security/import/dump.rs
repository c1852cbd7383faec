//! What a Kuzzle deployment keeps of its users, put together of the files of a dump. Pure.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Items of a request, and their bytes, at most.
const ITEMS: usize = 200;
const BYTES: usize = 512 << 10;
/// What Kuzzle writes beside what was given.
const METADATA: &str = "_kuzzle_info";

/// Everything that was read.
#[derive(Debug, Default)]
pub struct KuzzleDump {
    roles: Map<String, Value>,
    profiles: Map<String, Value>,
    users: Map<String, Value>,
    api_keys: Map<String, Value>,
    /// Of the local strategy, by user: the name to log in by, and the hash.
    credentials: BTreeMap<String, (String, Value)>,
}

/// What one request brings.
#[derive(Debug)]
pub struct LoadBatch {
    pub body: Value,
    /// Kinds of items whose outcomes are told: others are there only for what hangs on them.
    pub told: &'static [&'static str],
}

const RIGHTS: &[&str] = &["role", "profile"];
const USERS: &[&str] = &["user"];
const KEYS: &[&str] = &["apiKey"];

impl KuzzleDump {
    /// Reads a file: one object as `admin:loadSecurities` takes it, or a hit of Elasticsearch in each
    /// line.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        if let Ok(Value::Object(whole)) = serde_json::from_str(text)
            && !whole.contains_key("_source")
        {
            return self.add_securities(whole);
        }
        for (n, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let hit: Value =
                serde_json::from_str(line).map_err(|error| format!("line {}: {error}", n + 1))?;
            self.add_hit(hit)
                .map_err(|why| format!("line {}: {why}", n + 1))?;
        }
        Ok(())
    }

    fn add_securities(&mut self, whole: Map<String, Value>) -> Result<(), String> {
        for (name, value) in whole {
            let Value::Object(members) = value else {
                return Err(format!("`{name}` is no object"));
            };
            match name.as_str() {
                "roles" => self.roles.extend(members),
                "profiles" => self.profiles.extend(members),
                "users" => self.users.extend(members),
                "apiKeys" => self.api_keys.extend(members),
                _ => {
                    return Err(format!(
                        "`{name}` is none of roles, profiles, users, apiKeys"
                    ));
                }
            }
        }
        Ok(())
    }

    fn add_hit(&mut self, mut hit: Value) -> Result<(), String> {
        let text = |name: &str| hit[name].as_str().map(str::to_owned);
        let (index, id) = text("_index")
            .zip(text("_id"))
            .ok_or("it is no hit: it lacks `_index` or `_id`")?;
        let Value::Object(mut source) = hit["_source"].take() else {
            return Err("it has no `_source`".to_owned());
        };
        source.remove(METADATA);
        let name = index.trim_start_matches(['@', '%', '&']);
        let (index_name, collection) = name.rsplit_once('.').unwrap_or((name, ""));
        let is_local = index_name.contains("auth-passport-local");
        match collection {
            "users" if is_local => self.add_credentials(id, source)?,
            "roles" if index_name == "kuzzle" => drop(self.roles.insert(id, source.into())),
            "profiles" if index_name == "kuzzle" => drop(self.profiles.insert(id, source.into())),
            "api-keys" if index_name == "kuzzle" => drop(self.api_keys.insert(id, source.into())),
            "users" if index_name == "kuzzle" => {
                self.users.insert(id, json!({"content": source}));
            }
            _ => {
                return Err(format!(
                    "the index `{index}` holds nothing of users and rights"
                ));
            }
        }
        Ok(())
    }

    fn add_credentials(
        &mut self,
        username: String,
        mut source: Map<String, Value>,
    ) -> Result<(), String> {
        let kuid = source.remove("kuid");
        let kuid = kuid
            .as_ref()
            .and_then(Value::as_str)
            .ok_or("the credentials name no `kuid`")?;
        let hash = source.into();
        self.credentials.insert(kuid.to_owned(), (username, hash));
        Ok(())
    }

    /// Credentials of users who are not in the dump.
    pub fn unusable(&mut self) -> Vec<Value> {
        let mut unusable = Vec::new();
        for (kuid, (username, hash)) in std::mem::take(&mut self.credentials) {
            let local = json!({"local": {"username": username, "hash": hash}});
            match self.users.get_mut(&kuid) {
                Some(user) => user["credentials"] = local,
                None => unusable.push(json!({
                    "kind": "credentials", "id": username, "outcome": "failed",
                    "error": {"id": "no_user", "message": format!("the dump holds no user \"{kuid}\"")},
                })),
            }
        }
        unusable
    }

    /// What is sent one after the other: what others hang on first. `with_rights`: roles and profiles
    /// go with every request, since those before have written none.
    pub fn batches(self, with_rights: bool) -> Vec<LoadBatch> {
        let rights = json!({"roles": self.roles, "profiles": self.profiles});
        let mut batches = Vec::new();
        if !(self.roles.is_empty() && self.profiles.is_empty()) {
            batches.push(LoadBatch {
                body: rights.clone(),
                told: RIGHTS,
            });
        }
        let kinds = [
            ("users", USERS, self.users),
            ("apiKeys", KEYS, self.api_keys),
        ];
        for (name, told, members) in kinds {
            for piece in pieces(members) {
                let mut body = if with_rights {
                    rights.clone()
                } else {
                    json!({})
                };
                body[name] = piece.into();
                batches.push(LoadBatch { body, told });
            }
        }
        batches
    }
}

fn pieces(members: Map<String, Value>) -> Vec<Map<String, Value>> {
    let (mut pieces, mut bytes) = (Vec::<Map<String, Value>>::new(), 0);
    for (id, value) in members {
        let size = id.len() + value.to_string().len();
        bytes += size;
        match pieces.last_mut() {
            Some(last) if last.len() < ITEMS && bytes <= BYTES => drop(last.insert(id, value)),
            Some(_) | None => {
                pieces.push(Map::from_iter([(id, value)]));
                bytes = size;
            }
        }
    }
    pieces
}
