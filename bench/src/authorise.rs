//! `consign-bench authorise`: how many checks of a right one core makes, against one look-up of a place
//! in one hash map. The caller has many policies, and only the last of them allows what is asked.

use crate::compared::{Compared, Round};
use clap::Args;
use consign::{commands::Invocation, failure::Failure};
use rights::{ActionPlace, CompiledRights, RightsSet};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    hint::black_box,
    time::{Duration, Instant},
};

const EXAMPLES: &str = "\
Examples:
  consign-bench authorise
  consign-bench authorise --policies 100";

/// One check must take no longer.
const AIM: Duration = Duration::from_micros(2);
/// Collections that each policy is restricted to.
const COLLECTIONS: usize = 20;
/// Checks between two looks at the clock.
const AT_ONCE: usize = 1_000;

/// Checks of a right a second on one core, beside one look-up in a hash map
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Policies of the caller, each of a role of its own
    #[arg(long, default_value_t = 10)]
    policies: usize,
    /// Seconds of each half of a round
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

pub fn run(arguments: &Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let policies = arguments.policies.max(1);
    let rights = caller_rights(policies)?;
    let last = format!("shop-{}", policies - 1);
    let places: Vec<String> = (0..COLLECTIONS).map(collection_name).collect();
    let known: HashMap<&str, usize> = places.iter().map(String::as_str).zip(0..).collect();
    let seconds = Duration::from_secs(arguments.seconds.max(1));
    let mut rounds = Vec::new();
    let mut quickest = Duration::MAX;
    for _ in 0..arguments.rounds.max(1) {
        let floor = rate(seconds, |n| {
            known.contains_key(places[n % COLLECTIONS].as_str())
        });
        let measured = rate(seconds, |n| {
            let place = ActionPlace::Collection(&last, &places[n % COLLECTIONS]);
            rights.allows("document", "create", place)
        });
        quickest = quickest.min(Duration::from_secs_f64(1.0 / measured));
        rounds.push(Round::new(floor, measured));
    }
    Compared::new(
        "authorise",
        "one core",
        "one look-up in a hash map",
        None,
        rounds,
    )
    .print(invocation)?;
    let (took, met) = (
        quickest.as_nanos(),
        if quickest <= AIM { "met" } else { "missed" },
    );
    invocation.output.note(&format!(
        "a check over {policies} policies takes {took} ns, aim {} ns: {met}",
        AIM.as_nanos()
    ));
    Ok(())
}

fn collection_name(n: usize) -> String {
    format!("collection-{n}")
}

/// What is asked is allowed by the last policy alone: all before are looked at.
fn caller_rights(policies: usize) -> Result<CompiledRights, Failure> {
    let collections: Vec<String> = (0..COLLECTIONS).map(collection_name).collect();
    let role = |n: usize| {
        let actions = json!({"get": true, "search": true, "create": true});
        let controllers =
            json!({"document": {"actions": actions}, "realtime": {"actions": {"*": true}}});
        (format!("role-{n}"), json!({"controllers": controllers}))
    };
    let policy = |n: usize| {
        let restriction = json!({"index": format!("shop-{n}"), "collections": collections});
        json!({"roleId": format!("role-{n}"), "restrictedTo": [restriction]})
    };
    let roles: serde_json::Map<String, Value> = (0..policies).map(role).collect();
    let of_caller: Vec<Value> = (0..policies).map(policy).collect();
    let set = json!({"roles": roles, "profiles": {"clerk": {"policies": of_caller}}});
    let set: RightsSet =
        serde_json::from_value(set).map_err(|error| Failure::failed(error.to_string()))?;
    Ok(set.compile(["clerk"].into_iter()))
}

/// A second; each must hold.
fn rate(seconds: Duration, holds: impl Fn(usize) -> bool) -> f64 {
    let began = Instant::now();
    let mut done = 0_usize;
    while began.elapsed() < seconds {
        for n in 0..AT_ONCE {
            assert!(black_box(holds(black_box(n))), "it is allowed");
        }
        done += AT_ONCE;
    }
    done as f64 / began.elapsed().as_secs_f64()
}
