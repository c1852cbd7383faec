//! The requests of Sunbird's clients, about few users, organisations and batches, so that they meet.

use super::ChanceDice;
use crate::harness::{PARTITIONS, World};
use catalog::{Accepted, AcceptedRequest, Beside, Seed};
use event_schema::{
    envelope::{Attributes, Transaction, TransactionData},
    id::RequestId,
    offset::TransactionsOffset,
    signing::Keyring,
};
use json_text::ScannedJson;
use serde_json::{Value, json};
use std::collections::HashMap;

/// What others need to be there.
pub const FOUNDING: &[&str] = &[
    "org.create",
    "user.create",
    "issuer.create",
    "badge.class.create",
    "location.create",
    "batch.create",
    "note.create",
];

pub const OPERATIONS: [&str; 44] = [
    "user.create",
    "user.update",
    "user.block",
    "user.unblock",
    "user.bulk.upload",
    "user.logintime.update",
    "user.tnc.accept",
    "org.member.add",
    "org.member.remove",
    "user.role.assign",
    "org.create",
    "org.bulk.upload",
    "org.update",
    "org.status.update",
    "note.create",
    "note.update",
    "note.delete",
    "batch.create",
    "batch.update",
    "batch.user.add",
    "batch.user.remove",
    "batch.enroll",
    "batch.unenroll",
    "content.state.update",
    "location.bulk.upload",
    "location.create",
    "location.update",
    "data.sync",
    "issuer.create",
    "issuer.delete",
    "badge.class.create",
    "badge.class.delete",
    "badge.assertion.create",
    "badge.assertion.delete",
    "content.badge.link",
    "content.badge.unlink",
    "user.skill.add",
    "user.skill.endorse",
    "user.skill.update",
    "object.create",
    "object.update",
    "object.delete",
    "system.setting.set",
    "otp.generate",
];

const COURSE: &str = "do_3129981407755468801";

/// Makes events, and remembers the ids that they made.
pub struct Asker {
    requests: HashMap<String, Value>,
    made: HashMap<&'static str, Vec<String>>,
    assertions: Vec<(String, String)>,
    /// Users and the organisations that they joined.
    members: Vec<(String, String)>,
    seed: u64,
    count: u64,
}

impl Asker {
    pub fn new(seed: u64) -> Self {
        let lines = include_str!("../../../../crates/catalog/fixtures/sunbird-requests.jsonl");
        let requests = lines.lines().map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            let operation = line["operation"].as_str().unwrap().to_owned();
            (operation, line["body"]["request"].clone())
        });
        Self {
            requests: requests.collect(),
            made: HashMap::new(),
            assertions: Vec::new(),
            members: Vec::new(),
            seed,
            count: 0,
        }
    }

    fn one(&self, kind: &str, dice: &mut ChanceDice) -> String {
        let made = self.made.get(kind).map_or(&[][..], Vec::as_slice);
        // Now and then one that is not there.
        let made = if dice.roll(20) == 0 { &[] } else { made };
        dice.pick(made).cloned().unwrap_or_else(|| "nobody".into())
    }

    /// One of the first two, so that others stay without what hangs on them.
    fn early(&self, kind: &str, dice: &mut ChanceDice) -> String {
        let made = self.made.get(kind).map_or(&[][..], Vec::as_slice);
        let made = &made[..made.len().min(2)];
        dice.pick(made).cloned().unwrap_or_else(|| "nobody".into())
    }

    /// The last one, more often than not.
    fn late(&self, kind: &str, dice: &mut ChanceDice) -> String {
        let made = self.made.get(kind).and_then(|made| made.last());
        let made = made.filter(|_| dice.roll(4) > 0);
        made.cloned().unwrap_or_else(|| self.one(kind, dice))
    }

    /// The next event of an operation, as a gateway would make it.
    pub fn event(
        &mut self,
        world: &World,
        operation: &'static str,
        dice: &mut ChanceDice,
    ) -> Transaction {
        let (request, looked) = self.request(operation, dice);
        let Value::Object(looked) = looked else {
            panic!("what is looked up has names")
        };
        self.count += 1;
        let mut unique = [0; 16];
        unique[..8].copy_from_slice(&self.seed.to_le_bytes());
        unique[8..].copy_from_slice(&self.count.to_le_bytes());
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as i64;
        let beside = Beside {
            principal: "anonymous",
            looked,
        };
        let seed = Seed { unique, now };
        let body = ScannedJson::from(&request);
        let accepted = world.catalog.operation(operation).unwrap();
        let accepted = accepted
            .accept_with(&body, &seed, &beside)
            .unwrap_or_else(|why| panic!("{operation} {request}: {why:?}"));
        let AcceptedRequest::One(accepted) = accepted else {
            panic!("{operation} is one event")
        };
        self.remember(operation, &accepted, &request);
        let keys = Keyring::new(1, *b"0123456789abcdef");
        let partition = accepted.key.partition(PARTITIONS);
        let incarnations = accepted.collections.iter();
        let incarnations =
            incarnations.map(|(index, name)| (format!("{index}/{name}"), json!("abcd1234")));
        Transaction {
            attributes: Attributes {
                id: RequestId::mint(&keys, 1, partition, accepted.unique),
                tenant: "default".into(),
                operation: accepted.operation,
                catalog: world.catalog.version().into(),
                key: accepted.key,
                time: now,
                traceparent: None,
            },
            seen: TransactionsOffset::FIRST,
            data: TransactionData {
                request: accepted.request,
                generated: accepted.generated,
                incarnations: incarnations.collect(),
                volatile: accepted.volatile,
                if_version: accepted.if_version,
                claim: None,
                reply: None,
                origin: None,
                principal: "anonymous".into(),
                unconfirmed: None,
            },
        }
    }

    fn remember(&mut self, operation: &str, accepted: &Accepted, request: &Value) {
        let generated = &accepted.generated;
        let kind = match operation {
            "user.create" => "user",
            "org.create" => "org",
            "batch.create" if request["enrollmentType"] == "open" => "open",
            "batch.create" => "closed",
            "note.create" => "note",
            "location.create" => "location",
            "issuer.create" => "issuer",
            "badge.class.create" => "badge",
            "badge.assertion.create" => "assertion",
            _ => return,
        };
        // An assertion belongs to whoever has it, all others to themselves.
        let id = match kind {
            "assertion" => generated["id"].as_str(),
            _ => accepted.key.0.split_once('/').map(|(_, id)| id),
        };
        let Some(id) = id else {
            return;
        };
        if kind == "assertion" {
            let recipient = request["recipientId"].as_str().unwrap_or_default();
            self.assertions.push((id.to_owned(), recipient.to_owned()));
        }
        self.made.entry(kind).or_default().push(id.to_owned());
    }

    /// A request and what is looked up for it.
    fn request(&mut self, operation: &str, dice: &mut ChanceDice) -> (Value, Value) {
        let known = self.requests.get(operation).filter(|all| all.is_object());
        let mut request = known.cloned().unwrap_or_else(|| json!({}));
        let user = self.one("user", dice);
        let other = self.one("user", dice);
        let org = self.one("org", dice);
        let n = dice.roll(4);
        let found = |id: &str| json!({"id": id, "status": 1, "rootOrgId": "root"});
        let mut put = |changes: Value| {
            let changes = changes.as_object().unwrap();
            for (name, value) in changes {
                if value.is_null() {
                    request.as_object_mut().unwrap().remove(name);
                } else {
                    request[name] = value.clone();
                }
            }
        };
        let batch = self.one(["open", "closed"][n % 2], dice);
        let looked = match operation {
            "user.create" => {
                let own = json!({"userName": format!("name{}", dice.roll(30)), "email": format!("mail{}@example.org", dice.roll(30)),
                    "phone": format!("98450123{:02}", dice.roll(60)), "externalIds": null});
                put(own);
                json!({"locations": [], "places": [], "above": []})
            }
            "user.update" => {
                put(
                    json!({"userId": user, "lastName": format!("n{n}"), "email": format!("mail{}@example.org", dice.roll(30)),
                    "emailVerified": true, "address": null, "jobProfile": null, "externalIds": null}),
                );
                json!({})
            }
            "user.block" | "user.unblock" | "user.logintime.update" => {
                put(json!({"userId": user}));
                json!({})
            }
            "user.tnc.accept" => {
                put(json!({"userId": user, "version": "v4"}));
                json!({"terms": {"value": "{\"latestVersion\":\"v4\"}"}})
            }
            "org.member.add" => {
                put(json!({"userId": user, "organisationId": org}));
                let looked = json!({"user": null, "organisation": null, "org": {"id": org}});
                self.members.push((user, org));
                looked
            }
            "org.member.remove" | "user.role.assign" => {
                let joined = dice.pick(&self.members).cloned();
                let (user, org) = joined.unwrap_or((user, org));
                put(json!({"userId": user, "organisationId": org}));
                json!({"user": null, "organisation": null, "org": {"id": org}})
            }
            "org.create" => {
                let is_root = n == 0;
                put(
                    json!({"externalId": format!("e{}", dice.roll(12)), "channel": format!("channel{}", dice.roll(5)), "isRootOrg": is_root,
                    "locationCode": null, "locationIds": null}),
                );
                json!({"root": "root", "rootOrg": {"id": "root", "status": 1}, "locations": [], "places": [], "above": []})
            }
            "org.update" => {
                put(
                    json!({"organisationId": org, "externalId": format!("e{}", dice.roll(12)), "locationIds": null, "locationCode": null}),
                );
                json!({"locations": [], "places": [], "above": []})
            }
            "org.status.update" => {
                put(json!({"organisationId": org, "status": n}));
                json!({})
            }
            "note.create" => {
                put(json!({"userId": user}));
                json!({"user": found(&user)})
            }
            "note.update" | "note.delete" => {
                put(json!({"noteId": self.one("note", dice)}));
                json!({})
            }
            "batch.create" if n.is_multiple_of(2) => {
                put(
                    json!({"enrollmentType": "open", "participants": null, "createdFor": [org], "mentors": [other]}),
                );
                json!({"organisations": [found(&org)], "mentors": [found(&other)]})
            }
            "batch.create" => {
                put(json!({"participants": [user], "createdFor": [org], "mentors": [other]}));
                json!({"organisations": [found(&org)], "mentors": [found(&other)]})
            }
            "batch.update" => {
                let participants = if user == other {
                    json!([user])
                } else {
                    json!([user, other])
                };
                put(json!({"id": batch, "mentors": [other], "participants": participants}));
                json!({"organisations": [], "mentors": [found(&other)]})
            }
            "batch.user.add" | "batch.user.remove" => {
                let users = if user == other {
                    vec![user]
                } else {
                    vec![user, other]
                };
                put(json!({"batchId": self.one("closed", dice), "userIds": users}));
                json!({"users": users.iter().map(|user| found(user)).collect::<Vec<_>>()})
            }
            "batch.enroll" | "batch.unenroll" => {
                put(json!({"batchId": self.one("open", dice), "userId": user, "courseId": COURSE}));
                json!({})
            }
            "content.state.update" => {
                let content = |n: usize| json!({"contentId": format!("do_{n}"), "courseId": COURSE, "batchId": batch, "status": n % 3});
                put(json!({"userId": user, "contents": [content(n), content(n + 1)]}));
                let batch =
                    json!({"id": batch, "startdate": "2020-01-01", "enddate": "2099-12-31"});
                json!({"batches": [batch, batch]})
            }
            "location.create" => {
                put(json!({"code": format!("code{}", dice.roll(10))}));
                json!({"byCode": "s", "parent": {"id": "s", "type": "state"}})
            }
            "location.update" => {
                put(
                    json!({"id": self.one("location", dice), "code": format!("code{}", dice.roll(10)), "parentCode": null, "parentId": null}),
                );
                json!({"byCode": null, "parent": null})
            }
            "data.sync" => {
                put(json!({"objectType": "user", "objectIds": [user]}));
                json!({"enrolments": [null]})
            }
            "issuer.delete" => {
                put(json!({"issuerId": self.late("issuer", dice)}));
                json!({})
            }
            "badge.class.create" => {
                let issuer = self.early("issuer", dice);
                put(json!({"issuerId": issuer, "rootOrgId": org}));
                json!({"issuer": {"id": issuer}, "organisation": {"id": org, "isRootOrg": true, "status": 1}})
            }
            "badge.class.delete" => {
                let badge = self.late("badge", dice);
                put(json!({"badgeId": badge}));
                json!({"class": {"id": badge, "issuerid": self.one("issuer", dice)}})
            }
            "badge.assertion.create" => {
                let (issuer, badge) = (self.one("issuer", dice), self.early("badge", dice));
                put(json!({"issuerId": issuer, "badgeId": badge, "recipientId": user}));
                let class = json!({"id": badge, "issuerid": issuer, "rootorgid": "root", "name": "Lab Mentor"});
                json!({"class": class, "user": found(&user)})
            }
            "badge.assertion.delete" => {
                let given = dice.pick(&self.assertions).cloned();
                let (assertion, recipient) = given.unwrap_or(("none".into(), user));
                put(json!({"assertionId": assertion, "recipientId": recipient}));
                json!({})
            }
            "content.badge.link" | "content.badge.unlink" => {
                let badge = self.one("badge", dice);
                put(json!({"contentId": format!("do_{n}"), "badgeIds": [badge]}));
                json!({"badges": [{"id": badge, "issuerid": "i", "name": "Lab Mentor"}]})
            }
            "user.skill.add" => {
                put(
                    json!({"endorsedUserId": user, "userId": other, "skillName": [format!("Skill {}", n % 2)]}),
                );
                json!({"endorsed": found(&user), "endorser": found(&other)})
            }
            "user.skill.endorse" => {
                let other = if user == other {
                    "somebody".to_owned()
                } else {
                    other
                };
                put(
                    json!({"endorsedUserId": user, "userId": other, "skillName": format!("Skill {}", n % 2)}),
                );
                json!({"endorsed": found(&user), "endorser": found(&other)})
            }
            "user.skill.update" => {
                let skills = &["Skill 0", "Optics", "Skill 1"][..dice.roll(4)];
                put(json!({"userId": user, "skills": skills}));
                json!({})
            }
            "object.create" | "object.update" => {
                let mut payload = self.requests[operation]["payload"].clone();
                payload["id"] = format!("object{n}").into();
                put(json!({"payload": payload}));
                json!({})
            }
            "object.delete" => {
                put(json!({"id": format!("object{n}")}));
                json!({})
            }
            "system.setting.set" => {
                let name = format!("setting{n}");
                put(json!({"id": name, "field": name}));
                json!({})
            }
            "otp.generate" => {
                put(json!({"key": format!("98450123{n:02}")}));
                json!({})
            }
            "user.bulk.upload" | "org.bulk.upload" | "location.bulk.upload" => {
                put(
                    json!({"data": null, "processId": format!("p{n}"), "lines": 2, "chunks": 1, "columns": []}),
                );
                json!({"custodian": {"value": "channel0"}, "root": "root"})
            }
            _ => json!({}),
        };
        (request, looked)
    }
}
