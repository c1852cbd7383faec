//! The moment that a read asks for: a time, or a write. A write's moment is where its own event was
//! decided in `changes`, not where it stands in `transactions`: an event that is decided late (a
//! replay) stands behind what was decided before it. Pure but for the token.

use crate::{
    access::Caller,
    app::App,
    error::{Code, Problem},
};
use audit::StandingRecord;
use event_schema::{
    codec,
    decision::Change,
    offset::{ChangesOffset, TransactionsOffset},
    position::Position,
    token::Token,
};

/// The moment that a read asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HistoryMoment {
    /// Unix milliseconds.
    Time(i64),
    /// When this event of `transactions` was decided.
    Write(Position),
}

impl HistoryMoment {
    /// A token of a write, a time of RFC 3339, or Unix milliseconds.
    pub(crate) fn read(app: &App, caller: &Caller, text: &str) -> Result<Self, Problem> {
        if text.starts_with("t1.") {
            let now = (app.now() / 1000).max(0) as u64;
            let keys = &app.ports.keys;
            let token = Token::open(text, keys, &caller.tenant, &caller.name, now)?;
            let is_ours = token.generation == app.ports.layout.generation;
            return match token.offsets.as_slice() {
                [(partition, offset)] if is_ours => Ok(Self::Write(Position {
                    generation: token.generation,
                    partition: *partition,
                    offset: TransactionsOffset::new(*offset),
                })),
                _ => Err(Problem::new(
                    Code::BadRequest,
                    "`at` takes the token of one write that has its place in the log",
                )),
            };
        }
        let millis = codec::from_rfc3339(text).or_else(|| text.parse().ok());
        millis.map(Self::Time).ok_or_else(|| {
            let detail = format!("`at` is neither a time (RFC 3339) nor a token: {text}");
            Problem::new(Code::BadRequest, detail)
        })
    }
}

/// Where an event was decided, as the records of its partition tell.
#[derive(Clone, Debug)]
pub(super) struct DecidedMoment {
    event: Position,
    /// The last record that stands for the event itself, or that it asked for.
    own: Option<ChangesOffset>,
    /// The first record that decides a later event for the first time: events are decided in order.
    passed: Option<ChangesOffset>,
    /// The log is kept from before the event was decided.
    is_kept_before: bool,
}

/// What is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MomentFound {
    /// It was decided before the record at this offset was.
    Before(ChangesOffset),
    /// The log begins behind it.
    Gone,
    NotDecided,
}

impl DecidedMoment {
    /// `is_whole`: the log keeps the partition's first record.
    pub fn new(event: Position, is_whole: bool) -> Self {
        Self {
            event,
            own: None,
            passed: None,
            is_kept_before: is_whole,
        }
    }

    pub fn take(&mut self, record: &StandingRecord<'_>) {
        let (position, by, is_first) = match record.change {
            Change::Decision(one) => (one.position, &one.by, one.replaces.is_none()),
            Change::Void(one) => (one.position, &one.by, false),
            Change::Open(_) | Change::Mark(_) => return,
        };
        let asked = by.as_ref().map(|by| by.position);
        if position == self.event || asked == Some(self.event) {
            self.own = Some(record.offset);
            return;
        }
        let place = |one: &Position| (one.generation, one.partition);
        if !is_first || place(&position) != place(&self.event) {
            return;
        }
        if position.offset > self.event.offset {
            self.passed.get_or_insert(record.offset);
        } else {
            self.is_kept_before = true;
        }
    }

    /// After all records before `end` were taken. `resolved`: events before it are resolved, as the
    /// last mark says. A repeat has no record of its own.
    pub fn found(&self, resolved: TransactionsOffset, end: ChangesOffset) -> MomentFound {
        let is_resolved = self.event.offset < resolved;
        match (self.own.map(ChangesOffset::next), self.passed) {
            (Some(own), _) => MomentFound::Before(own),
            (None, Some(_)) if !self.is_kept_before => MomentFound::Gone,
            (None, Some(passed)) => MomentFound::Before(passed),
            (None, None) if !is_resolved => MomentFound::NotDecided,
            (None, None) if self.is_kept_before => MomentFound::Before(end),
            (None, None) => MomentFound::Gone,
        }
    }
}

#[cfg(test)]
mod tests;
