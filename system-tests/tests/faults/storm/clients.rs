//! Clients that ask for anything at random until they are told to stop, each request under a key of its
//! own until it is accepted or refused, and then look until all have a verdict.

use super::town::{COURSE, Town};
use anyhow::{Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use system_tests::{
    client::{Client, Offered},
    history::Status,
};
use tokio::{task::JoinSet, time::sleep};

const CLIENTS: usize = 10;
const PATIENCE: Duration = Duration::from_secs(240);
/// How many contents the course has.
pub const CONTENTS: usize = 6;

/// A request that was accepted, and what became of it.
pub struct Asked {
    pub operation: &'static str,
    pub body: Value,
    pub request: String,
    pub status: Status,
    pub told: Value,
}

impl Asked {
    pub fn applied(&self) -> bool {
        self.status == Status::Applied
    }
}

pub struct Storm {
    client: Arc<Client>,
    tasks: JoinSet<Result<Vec<Asked>>>,
    is_over: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl Storm {
    pub fn start(client: &Arc<Client>, town: &Arc<Town>) -> Self {
        let mut storm = Self {
            client: client.clone(),
            tasks: JoinSet::new(),
            is_over: Arc::default(),
            asked: Arc::default(),
        };
        for number in 0..CLIENTS {
            let (client, town) = (client.clone(), town.clone());
            let (is_over, asked) = (storm.is_over.clone(), storm.asked.clone());
            storm.tasks.spawn(async move {
                let mut random = StdRng::seed_from_u64(number as u64 + 11);
                let mut mine = Vec::new();
                for turn in 0.. {
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    let (operation, body) = next_request(&mut random, &town, number, turn);
                    let key = format!("storm-{number}-{turn}");
                    let accepted = hand_over(&client, operation, &body, &key).await?;
                    mine.extend(accepted.map(|request| Asked {
                        operation,
                        body,
                        request,
                        status: Status::Unknown,
                        told: Value::Null,
                    }));
                    asked.fetch_add(1, Ordering::Relaxed);
                    sleep(Duration::from_millis(random.random_range(0..200))).await;
                }
                Ok(mine)
            });
        }
        storm
    }

    /// How much was asked so far.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// # Errors
    /// If a client gave up.
    pub fn is_going_on(&mut self) -> Result<()> {
        if let Some(ended) = self.tasks.try_join_next() {
            ended??;
            anyhow::bail!("a client ended by itself");
        }
        Ok(())
    }

    /// Everything that was accepted, each with its verdict and those of its parts.
    pub async fn finish(mut self) -> Result<Vec<Asked>> {
        self.is_over.store(true, Ordering::Relaxed);
        let mut asked = Vec::new();
        while let Some(one) = self.tasks.join_next().await {
            asked.extend(one??);
        }
        let judged = stream::iter(asked).map(|one| settled(&self.client, one));
        judged.buffer_unordered(CLIENTS).try_collect().await
    }
}

async fn settled(client: &Client, mut asked: Asked) -> Result<Asked> {
    let began = Instant::now();
    loop {
        let seen = client.look(&asked.request).await;
        if let Some(seen) = seen {
            match seen.status {
                Status::Applied | Status::Refused(_) => {
                    (asked.status, asked.told) = (seen.status, seen.body);
                    return Ok(asked);
                }
                Status::DeadLettered => {
                    anyhow::bail!("{} {}: {}", asked.operation, asked.body, seen.body)
                }
                _ => {}
            }
        }
        ensure!(
            began.elapsed() < PATIENCE,
            "{} {} has no verdict",
            asked.operation,
            asked.request
        );
        sleep(Duration::from_millis(50)).await;
    }
}

/// Until a gateway has it; nothing where it is refused before it is an event.
async fn hand_over(
    client: &Client,
    operation: &str,
    body: &Value,
    key: &str,
) -> Result<Option<String>> {
    match client.offer(operation, body, key, PATIENCE).await? {
        Offered::Accepted(accepted) => Ok(Some(accepted.request)),
        Offered::Refused(status, text) => {
            ensure!(
                [400, 404, 409].contains(&status.as_u16()),
                "{operation} {body}: {status} {text}"
            );
            Ok(None)
        }
    }
}

fn one_of(random: &mut StdRng, list: &[String]) -> String {
    list.choose(random).expect("the town has some").clone()
}

/// What a client asks for next.
fn next_request(
    random: &mut StdRng,
    town: &Town,
    number: usize,
    turn: usize,
) -> (&'static str, Value) {
    let user = one_of(random, &town.users);
    let unique = format!("{number}-{turn}");
    match random.random_range(0..100) {
        roll @ 0..26 => of_members(random, town, roll, &user),
        roll @ 26..53 => of_batches(random, town, roll, &user),
        53..68 => ("content.state.update", of_progress(random, town, &user)),
        roll => of_users(random, town, roll, &user, &unique),
    }
}

fn of_members(random: &mut StdRng, town: &Town, roll: u32, user: &str) -> (&'static str, Value) {
    let organisation = one_of(random, &town.organisations);
    let mut member = json!({"userId": user, "organisationId": organisation});
    match roll {
        0..14 => ("org.member.add", member),
        14..22 => ("org.member.remove", member),
        _ => {
            let roles = ["CONTENT_CREATOR", "COURSE_MENTOR", "CONTENT_REVIEWER"];
            member["roles"] = json!([roles[random.random_range(0..3)]]);
            ("user.role.assign", member)
        }
    }
}

fn of_batches(random: &mut StdRng, town: &Town, roll: u32, user: &str) -> (&'static str, Value) {
    let open = one_of(random, &town.open);
    let closed = one_of(random, &town.closed);
    let enrolment = json!({"userId": user, "batchId": open, "courseId": COURSE});
    match roll {
        26..38 => ("batch.enroll", enrolment),
        38..45 => ("batch.unenroll", enrolment),
        45..50 => {
            let users = BTreeSet::from([user.to_owned(), one_of(random, &town.users)]);
            (
                "batch.user.add",
                json!({"batchId": closed, "userIds": users}),
            )
        }
        _ => (
            "batch.user.remove",
            json!({"batchId": closed, "userIds": [user]}),
        ),
    }
}

fn of_progress(random: &mut StdRng, town: &Town, user: &str) -> Value {
    let content = |n: usize, status: usize| json!({"contentId": format!("do_{n}"), "courseId": COURSE, "batchId": town.stays, "status": status});
    let first = random.random_range(0..CONTENTS);
    let mut contents = vec![content(first, random.random_range(0..3))];
    if random.random_bool(0.3) {
        contents.push(content((first + 1) % CONTENTS, 2));
    }
    json!({"userId": user, "contents": contents})
}

fn of_users(
    random: &mut StdRng,
    town: &Town,
    roll: u32,
    user: &str,
    unique: &str,
) -> (&'static str, Value) {
    match roll {
        68..73 => {
            // A pool of addresses that users take from one another.
            let email = format!("pool{}@example.org", random.random_range(0..20));
            let changes =
                json!({"userId": user, "email": email, "emailVerified": true, "lastName": unique});
            ("user.update", changes)
        }
        73..76 => ("user.update", json!({"userId": user, "lastName": unique})),
        76..78 => ("user.block", json!({"userId": user})),
        78..80 => ("user.unblock", json!({"userId": user})),
        80..84 => {
            let name = format!("contested{}", random.random_range(0..30));
            let user = json!({"firstName": name, "userName": name, "channel": "storm",
                "email": format!("{unique}@example.org"), "emailVerified": true});
            ("user.create", user)
        }
        84..87 => {
            let code = format!("code-{}", random.random_range(0..20));
            (
                "location.create",
                json!({"name": unique, "code": code, "type": "state"}),
            )
        }
        87..92 => {
            let skills = json!({"endorsedUserId": user, "userId": one_of(random, &town.users),
                "skillName": [format!("Skill {}", random.random_range(0..3))]});
            ("user.skill.add", skills)
        }
        92..94 => (
            "note.create",
            json!({"userId": user, "title": unique, "note": "x", "courseId": COURSE}),
        ),
        94..96 => ("user.logintime.update", json!({"userId": user})),
        96..98 => ("user.tnc.accept", json!({"userId": user, "version": "v4"})),
        _ => {
            let assertion = json!({"issuerId": town.issuer, "badgeId": town.badge,
                "recipientId": user, "recipientType": "user"});
            ("badge.assertion.create", assertion)
        }
    }
}
