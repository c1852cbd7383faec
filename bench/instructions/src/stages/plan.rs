//! What a worker does with an event before anything is written: plan it, and fold what a batch
//! comes to. Over the examples of all operations of the catalog.

use catalog::{Catalog, ExampleState, Planned};
use event_schema::{
    envelope::Transaction,
    offset::{ChangesOffset, TransactionsOffset},
    position::{Position, Version},
};
use instruction_counts::CountedStage;
use std::hint::black_box;
use store::fold::{StoredEffects, fold_effects};

pub const PLAN: CountedStage = CountedStage {
    name: "plan",
    about: "an event over its documents and rows, all operations of the catalog in turn",
    events: 1_000,
    run: plan,
};

pub const FOLD_EFFECTS: CountedStage = CountedStage {
    name: "fold-effects",
    about: "plans of a batch to one write for each document and row",
    events: 1_000,
    run: fold,
};

/// Events of one batch.
const BATCH: usize = 100;

/// Every example that is applied, with what its event meets.
fn example_events(catalog: &Catalog) -> Vec<(Transaction, ExampleState)> {
    let operations = catalog.operations().filter(|one| one.kind().has_verdict());
    let examples = operations.flat_map(|operation| {
        let examples = operation.examples().iter();
        examples.map(move |example| catalog.example_events(operation, example))
    });
    examples
        .filter_map(|made| {
            let (events, state) = made.ok()?;
            Some((events.into_iter().next()?, state))
        })
        .collect()
}

fn plan(events: u64) {
    let catalog = Catalog::builtin().expect("the built-in catalog compiles");
    let examples = example_events(&catalog);
    for (event, state) in examples.iter().cycle().take(events as usize) {
        let operation = catalog.of(event).expect("the operation exists");
        drop(black_box(operation.plan(black_box(event), state)));
    }
}

fn fold(events: u64) {
    let catalog = Catalog::builtin().expect("the built-in catalog compiles");
    let examples = example_events(&catalog);
    let plans: Vec<_> = examples
        .iter()
        .filter_map(
            |(event, state)| match catalog.of(event).ok()?.plan(event, state) {
                Ok(Planned::Plan(plan)) => Some((event.attributes.id, plan)),
                _ => None,
            },
        )
        .collect();
    let mut left = events as usize;
    while left > 0 {
        let batch = left.min(BATCH);
        left -= batch;
        let effects = (0..).zip(plans.iter().cycle().take(batch));
        let effects = effects.map(|(n, (request, plan))| StoredEffects {
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
        drop(black_box(fold_effects(effects)));
    }
}
