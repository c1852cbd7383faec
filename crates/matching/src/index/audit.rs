//! Whether an engine has forgotten everything about removed filters. Must never be needed for
//! matching.

use super::Engine;

impl Engine {
    /// Whether nothing at all is kept: no filter, no condition, no field. True of a new engine and
    /// of one whose filters were all removed.
    pub fn is_vacant(&self) -> bool {
        let leaves = &self.leaves;
        let held = [
            self.slots.len(),
            self.filters.len(),
            self.conjunctions.len(),
            self.same.len(),
            self.guards.groups.len(),
        ];
        let known = [
            leaves.all.len(),
            leaves.same.len(),
            leaves.values.len(),
            leaves.names.len(),
            leaves.fields.len(),
            leaves.by_path.len(),
        ];
        let waiting =
            self.always.is_empty() && self.everything.is_empty() && leaves.objects.is_empty();
        held.iter().chain(&known).all(|count| *count == 0) && waiting
    }
}
