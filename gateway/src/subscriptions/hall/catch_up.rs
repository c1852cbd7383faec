//! Those who came back with a cursor: what they missed is read from the log and told here, until
//! they hear what everybody hears. A change is told to each by one of the two, never by both and
//! never by neither.

use super::{Hall, Hears};
use crate::subscriptions::options::Options;
use event_schema::notification::Point;
use std::sync::Arc;
use websocket::TextFrame;

/// Who catches up: a connection's membership of a channel, as long as it has its seat.
#[derive(Clone, Debug)]
pub(crate) struct Late {
    pub connection: u64,
    pub room: Arc<str>,
    pub seat: u64,
    pub options: Options,
}

/// Whether somebody who read to the end of the log has caught up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// From now on he hears what everybody hears.
    There,
    /// Others were told more by now.
    Behind,
    /// He is not on the channel any more.
    Gone,
}

impl Hall {
    /// Tells somebody what was read for him, as far as there is room: says how much of it. `None`:
    /// he is not on the channel any more, and is told nothing.
    pub(crate) fn replay(&mut self, late: &Late, frames: &[TextFrame]) -> Option<usize> {
        let room = self.rooms.get_mut(&late.room)?;
        let member = room.member(late.connection, late.seat, late.options)?;
        let taken = frames
            .iter()
            .take_while(|frame| member.outbox.push_if_half_empty(frame));
        Some(taken.count())
    }

    /// Somebody was told everything before these points. What was told to others before is behind
    /// them, and what comes in is told to him, or was told before.
    pub(crate) fn arrive(&mut self, late: &Late, points: &[Point]) -> Arrival {
        let told = self.tellers.points().unwrap_or_default();
        let Some(member) = self
            .rooms
            .get_mut(&late.room)
            .and_then(|room| room.member(late.connection, late.seat, late.options))
        else {
            return Arrival::Gone;
        };
        let reached = |(told, read): (&Point, &Point)| {
            (read.next, 0) >= (told.next, told.told) && read.informative >= told.informative
        };
        match told.iter().zip(points).all(reached) {
            true => {
                member.hears = Hears::From(points.into());
                Arrival::There
            }
            false => Arrival::Behind,
        }
    }
}
