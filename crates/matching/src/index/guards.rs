//! Conjunctions of negations alone, grouped by one condition that must not hold.
//! Must never have a group without members: every open group is visited for every document.

use super::leaves::Leaves;

/// A guard and those who are looked at unless it holds.
#[derive(Debug)]
pub(super) struct GuardGroup {
    leaf: u32,
    pub(super) members: Vec<u32>,
}

/// All groups, without gaps.
#[derive(Debug, Default)]
pub(super) struct Guards {
    pub(super) groups: Vec<GuardGroup>,
}

impl Guards {
    pub(super) fn insert(&mut self, leaf: u32, target: u32, leaves: &mut Leaves) {
        let Some(found) = leaves.all.get(leaf) else {
            return;
        };
        if found.group > 0 {
            self.groups[found.group as usize - 1].members.push(target);
            return;
        }
        if found.is_idle() {
            leaves.activate(leaf);
        }
        self.groups.push(GuardGroup {
            leaf,
            members: vec![target],
        });
        self.number(self.groups.len() - 1, leaves);
    }

    pub(super) fn remove(&mut self, leaf: u32, target: u32, leaves: &mut Leaves) {
        let Some(found) = leaves.all.get_mut(leaf) else {
            return;
        };
        let Some(place) = (found.group as usize).checked_sub(1) else {
            return;
        };
        let members = &mut self.groups[place].members;
        if let Some(at) = members.iter().position(|member| *member == target) {
            members.swap_remove(at);
        }
        if !members.is_empty() {
            return;
        }
        found.group = 0;
        let idle = found.is_idle();
        self.groups.swap_remove(place);
        if place < self.groups.len() {
            self.number(place, leaves);
        }
        if idle {
            leaves.deactivate(leaf);
        }
    }

    /// Tells the leaf of a group where the group is.
    fn number(&self, place: usize, leaves: &mut Leaves) {
        let group = u32::try_from(place + 1).expect("there are never more groups than leaves");
        if let Some(leaf) = leaves.all.get_mut(self.groups[place].leaf) {
            leaf.group = group;
        }
    }
}
