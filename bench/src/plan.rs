//! `consign-bench plan`: how many operations of the catalog one core plans and folds into writes,
//! against decoding the same JSON and nothing else: the request, what was generated and looked up, and
//! the documents that it is planned over.

use crate::compared::{Compared, Round};
use catalog::{Catalog, ExampleState, Planned};
use clap::Args;
use consign::{commands::Invocation, failure::Failure};
use event_schema::{
    envelope::Transaction,
    offset::{ChangesOffset, TransactionsOffset},
    position::{Position, Version},
};
use serde_json::Value;
use std::{
    hint::black_box,
    time::{Duration, Instant},
};
use store::fold::{StoredEffects, fold_effects};

const EXAMPLES: &str = "\
Examples:
  consign-bench plan
  consign-bench plan --start-up        how long a catalog of a thousand operations takes to load, too";

/// Operations of the catalog, planned and folded a second on one core, beside decoding their JSON
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Seconds of each half of a round
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Load a catalog of a thousand operations as well, and say how long that takes
    #[arg(long)]
    start_up: bool,
}

/// An operation's example as a worker meets it.
struct Planning {
    event: Transaction,
    state: ExampleState,
    /// What stands in JSON of it.
    texts: Vec<String>,
}

pub fn run(arguments: &Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let catalog = Catalog::builtin().map_err(|error| Failure::failed(error.to_string()))?;
    let plannings = plannings(&catalog);
    let seconds = Duration::from_secs(arguments.seconds.max(1));
    let mut rounds = Vec::new();
    for _ in 0..arguments.rounds.max(1) {
        let floor = rate(&plannings, seconds, decode_all);
        let measured = rate(&plannings, seconds, |all| plan_all(&catalog, all));
        rounds.push(Round::new(floor, measured));
    }
    Compared::new(
        "plan",
        "one core",
        "the same JSON decoded, nothing else",
        Some(0.4),
        rounds,
    )
    .print(invocation)?;
    if arguments.start_up {
        start_up()?;
    }
    Ok(())
}

/// Every example that is applied.
fn plannings(catalog: &Catalog) -> Vec<Planning> {
    let operations = catalog.operations().filter(|one| one.kind().has_verdict());
    let examples = operations.flat_map(|operation| {
        let examples = operation.examples().iter();
        examples.map(move |example| (operation, example))
    });
    let mut all = Vec::new();
    for (operation, example) in examples {
        let Ok((events, _)) = catalog.example_events(operation, example) else {
            continue;
        };
        for event in events {
            let Ok((_, state)) = catalog.example_events(operation, example) else {
                continue;
            };
            let bodies = example.documents.values();
            let bodies = bodies.flat_map(|bodies| bodies.as_object().into_iter().flatten());
            let mut texts: Vec<String> = bodies.map(|(_, body)| body.to_string()).collect();
            texts.push(event.data.request.get().to_owned());
            texts.push(Value::Object(event.data.generated.clone()).to_string());
            all.push(Planning {
                event,
                state,
                texts,
            });
        }
    }
    all
}

/// Operations a second.
fn rate(plannings: &[Planning], seconds: Duration, all: impl Fn(&[Planning])) -> f64 {
    let began = Instant::now();
    let mut done = 0_usize;
    while began.elapsed() < seconds {
        all(plannings);
        done += plannings.len();
    }
    done as f64 / began.elapsed().as_secs_f64()
}

fn decode_all(plannings: &[Planning]) {
    for text in plannings.iter().flat_map(|one| &one.texts) {
        let value: Result<Value, _> = serde_json::from_str(text);
        drop(black_box(value));
    }
}

fn plan_all(catalog: &Catalog, plannings: &[Planning]) {
    let mut plans = Vec::with_capacity(plannings.len());
    for Planning { event, state, .. } in plannings {
        let planned = catalog.of(event).map(|one| one.plan(event, state));
        if let Ok(Ok(Planned::Plan(plan))) = planned {
            plans.push((event.attributes.id, plan));
        }
    }
    let effects = (0..).zip(&plans).map(|(n, (request, plan))| StoredEffects {
        version: Version::new(1, ChangesOffset::new(n)),
        position: Position {
            generation: 1,
            partition: 0,
            offset: TransactionsOffset::new(n),
        },
        request: *request,
        documents: &plan.documents,
        rows: &plan.rows,
    });
    black_box(fold_effects(effects));
}

/// A thousand operations, each like the shop's order.
fn start_up() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("many.yaml"), many_operations(1_000))?;
    let began = Instant::now();
    let catalog = Catalog::load(&[folder.path().to_owned()]);
    let catalog = catalog.map_err(|error| Failure::failed(error.to_string()))?;
    let (took, count) = (began.elapsed(), catalog.operations().count());
    println!(
        "{count} operations are loaded in {:.3} s, aim under 1 s: {}",
        took.as_secs_f64(),
        if took < Duration::from_secs(1) {
            "met"
        } else {
            "missed"
        }
    );
    Ok(())
}

fn many_operations(count: usize) -> String {
    let shop = include_str!("../../examples/shop/shop.yaml");
    let (head, operations) = shop.split_once("operations:\n").unwrap_or((shop, ""));
    let (_, order) = operations
        .split_once("  - name: order.place\n")
        .unwrap_or(("", operations));
    let (order, _) = order
        .split_once("  - name: order.cancel\n")
        .unwrap_or((order, ""));
    let many = (0..count).map(|n| {
        let order = order.replace("/v1/shop/order", &format!("/v1/shop/order{n}"));
        format!("  - name: order.place{n}\n{order}")
    });
    format!("{head}operations:\n{}", many.collect::<String>())
}
