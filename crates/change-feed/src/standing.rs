//! What stands for a position: its first decision, until that is voided or replaced by name.

use event_schema::{
    decision::{Decision, Mark, Void},
    offset::{ChangesOffset, TransactionsOffset},
    position::Position,
};
use std::collections::HashMap;

/// The decision or void that stands for each position of a stretch of `changes`. Takes only records
/// that count.
#[derive(Debug, Default)]
pub struct StandingPositions {
    at: HashMap<Position, ChangesOffset>,
    /// (generation, partition) of the last mark, and its `next`: positions below are decided.
    resolved: Option<(u16, u16, TransactionsOffset)>,
}

impl StandingPositions {
    /// Does this decision stand from now on? It does if nothing stands for its position and it
    /// replaces nothing, or if it names exactly what stands (which may lie before the stretch).
    pub fn decide(&mut self, offset: ChangesOffset, decision: &Decision) -> bool {
        let stands = match (self.at.get(&decision.position), decision.replaces) {
            (None, None) => !self.is_resolved(&decision.position),
            (Some(standing), Some(replaced)) => *standing == replaced,
            (None, Some(_)) => true,
            (Some(_), None) => false,
        };
        if stands {
            self.at.insert(decision.position, offset);
        }
        stands
    }

    /// Does this void undo what stands (or what lies before the stretch)? Then it stands instead.
    pub fn void(&mut self, offset: ChangesOffset, void: &Void) -> bool {
        let undoes = self
            .at
            .get(&void.position)
            .is_none_or(|standing| *standing == void.decision);
        if undoes {
            self.at.insert(void.position, offset);
        }
        undoes
    }

    /// All of `transactions` below `next` is decided. Nothing is forgotten by that.
    pub fn mark(&mut self, mark: &Mark) {
        let next = match self.resolved {
            Some((generation, partition, next))
                if (generation, partition) == (mark.generation, mark.partition) =>
            {
                next.max(mark.next)
            }
            _ => mark.next,
        };
        self.resolved = Some((mark.generation, mark.partition, next));
    }

    /// Forgets what stands at or before this offset: that is resolved.
    pub fn forget_through(&mut self, through: ChangesOffset) {
        self.at.retain(|_, standing| *standing > through);
    }

    /// Where what stands for a position stands.
    pub fn get(&self, position: &Position) -> Option<ChangesOffset> {
        self.at.get(position).copied()
    }

    fn is_resolved(&self, position: &Position) -> bool {
        self.resolved.is_some_and(|(generation, partition, next)| {
            (position.generation, position.partition) == (generation, partition)
                && position.offset < next
        })
    }
}
