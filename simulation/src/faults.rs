//! What goes wrong in a history, and whether it does now. The seed decides which kinds occur at
//! all, so that many histories have few of them and are easy to read.

use crate::dice::SharedDice;
use parking_lot::Mutex;
use std::{collections::BTreeSet, sync::Arc};

/// What a body holds that a store refuses.
pub const POISON: &str = "poison";
/// What a body holds that the view refuses, and no check knows beforehand.
pub const UNMAPPABLE: &str = "unmappable";
/// What a body holds that the view refuses at times.
pub const FICKLE: &str = "fickle";

/// A kind of fault that a history may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// A record of `changes` is lost and those behind it are taken.
    LostRecords,
    /// A record is taken twice.
    DoubledRecords,
    /// A write is answered by a time-out: it stands, or does not.
    HalfAnswers,
    StoresAway,
    Freezes,
    Kills,
    WrongClocks,
    Refusals,
    /// The record store forgets the last seconds when it is killed.
    Forgetful,
    /// Requests stand in the log twice.
    Repeats,
    /// Of the log only the last records are kept.
    ShortHistory,
    /// Writes go through gateways with spools: these are killed and frozen, and others ship what
    /// they left; the log takes nothing for a while.
    Spools,
    /// The view loses all that it held, and is rebuilt.
    LostView,
    /// Deletion markers are purged.
    Purges,
}

pub const KINDS: [FaultKind; 14] = [
    FaultKind::LostRecords,
    FaultKind::DoubledRecords,
    FaultKind::HalfAnswers,
    FaultKind::StoresAway,
    FaultKind::Freezes,
    FaultKind::Kills,
    FaultKind::WrongClocks,
    FaultKind::Refusals,
    FaultKind::Forgetful,
    FaultKind::Repeats,
    FaultKind::ShortHistory,
    FaultKind::Spools,
    FaultKind::LostView,
    FaultKind::Purges,
];

/// Shared by everything in one history.
#[derive(Clone, Debug)]
pub struct Faults {
    dice: SharedDice,
    kinds: BTreeSet<FaultKind>,
    now: Arc<Mutex<Now>>,
}

#[derive(Debug, Default)]
struct Now {
    is_over: bool,
    record_away: bool,
    view_away: bool,
    view_is_fickle: bool,
    transactions_away: bool,
}

impl Faults {
    #[must_use]
    pub fn new(dice: SharedDice) -> Self {
        let kinds = KINDS.into_iter().filter(|_| !dice.once_in(3));
        let kinds = kinds.collect();
        Self::only(dice, kinds)
    }

    /// Faults of these kinds.
    #[must_use]
    pub fn only(dice: SharedDice, kinds: BTreeSet<FaultKind>) -> Self {
        Self {
            dice,
            kinds,
            now: Arc::default(),
        }
    }

    /// What may happen in this history.
    #[must_use]
    pub fn kinds(&self) -> &BTreeSet<FaultKind> {
        &self.kinds
    }

    /// May this happen in this history, and has it not ended?
    #[must_use]
    pub fn has(&self, kind: FaultKind) -> bool {
        !self.now.lock().is_over && self.kinds.contains(&kind)
    }

    /// Does it happen now, once in so many?
    #[must_use]
    pub fn strikes(&self, kind: FaultKind, sides: u64) -> bool {
        self.has(kind) && self.dice.once_in(sides)
    }

    #[must_use]
    pub fn is_record_away(&self) -> bool {
        self.now.lock().record_away
    }

    #[must_use]
    pub fn is_view_away(&self) -> bool {
        self.now.lock().view_away
    }

    #[must_use]
    pub fn is_view_fickle(&self) -> bool {
        self.now.lock().view_is_fickle
    }

    #[must_use]
    pub fn is_transactions_away(&self) -> bool {
        self.now.lock().transactions_away
    }

    pub fn set_transactions_away(&self, away: bool) {
        self.now.lock().transactions_away = away;
    }

    pub fn set_record_away(&self, away: bool) {
        self.now.lock().record_away = away;
    }

    pub fn set_view_away(&self, away: bool) {
        self.now.lock().view_away = away;
    }

    pub fn set_view_fickle(&self, is_fickle: bool) {
        self.now.lock().view_is_fickle = is_fickle;
    }

    #[must_use]
    pub fn is_over(&self) -> bool {
        self.now.lock().is_over
    }

    /// Nothing goes wrong any more.
    pub fn end(&self) {
        *self.now.lock() = Now {
            is_over: true,
            ..Now::default()
        };
    }
}
