//! Tables as stores make them, what a migration did, and settings that weaken promises.

pub use event_schema::table::{Column, ColumnType, Table};
use serde::Serialize;

/// What a migration did or found. `drift` is named and never overwritten. What is `undeclared` stands
/// beside what the definitions ask for and keeps nothing from working: earlier definitions had it, or
/// later ones, or another process has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MigrationReport {
    pub created: Vec<String>,
    pub unchanged: usize,
    pub drift: Vec<String>,
    pub undeclared: Vec<String>,
}

/// A setting of the servers that weakens a promise. Allowed, never silent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Weakness {
    pub setting: String,
    pub found: String,
    pub wanted: String,
    pub consequence: String,
}
