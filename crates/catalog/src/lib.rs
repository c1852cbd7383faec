//! Operations as data: what a client may ask for, what a request must look like, what it writes.
//! Adding an operation touches no Rust.
//!
//! Two pure steps: [`Operation::accept`] (gateway) turns a bare request into what an event carries;
//! [`Operation::plan`] (worker) turns an event and the current documents into a verdict and
//! mutations. No I/O but reading definitions at start, no clock, no randomness.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests run on real clocks, threads and tasks"
    )
)]

pub mod accept;
mod body;
pub mod catalog;
mod compile;
mod definition;
mod edited;
mod expression;
mod generate;
mod hook;
mod in_use;
mod members;
mod merge;
pub mod operation;
mod outline;
pub mod plan;
mod rehearsal;
mod replan;
mod route;
mod scenario;
mod schema;
mod sealed;
mod sealed_marks;
mod table;
mod upload;
mod violation;
mod vocabulary;

pub use accept::{Accepted, AcceptedRequest, Beside, LookUpRequest, LookUpSubject};
pub use catalog::{Catalog, CatalogError, OwnCollection};
pub use generate::Seed;
pub use hook::{Hook, HookFailurePolicy};
pub use in_use::CatalogInUse;
pub use operation::Operation;
pub use outline::OperationOutline;
pub use plan::{Current, CurrentDocument, Needs, Plan, PlanError, Planned, TakenValue};
pub use rehearsal::{ExampleState, Rehearsed};
pub use replan::{PlanDifference, Replanned, ReplannedEvent};
pub use route::path_shape;
pub use scenario::{Scenario, ScenarioFault, ScenarioStep};
pub use sealed_marks::{SealedMarks, SealedPath};
pub use upload::Upload;
pub use violation::{Invalid, Violation};
pub use vocabulary::{Envelope, Example, HttpRoute, HttpRoutes, Kind, Order};
