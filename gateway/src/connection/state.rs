//! One connection's life as a machine: what happens goes in, with the time; what must be done comes
//! out. Pure. It holds no socket, no queue and no request, and decides everything about when and
//! how a connection ends.

use super::{decode::Violation, frame, outbox::Ending};
use bytes::Bytes;
use std::time::Duration;
use tokio::time::Instant;

/// How long is too long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Silence after which the peer is asked whether it is there. Saying nothing is no fault.
    pub ping_after: Duration,
    /// And for how long it may not answer.
    pub pong_within: Duration,
    /// For one message to arrive, from its first byte on.
    pub message_within: Duration,
    /// For the peer's part of the farewell.
    pub close_within: Duration,
    /// For what is in hand when the gateway stops.
    pub drain_within: Duration,
}

/// Something happened.
#[derive(Debug)]
pub(crate) enum Event {
    /// A whole message that is a request, or ought to be.
    Request(Bytes),
    Ping(Bytes),
    Pong,
    PeerCloses(Option<u16>),
    /// The peer's end of the stream, or an error on it.
    PeerGone,
    Violated(Violation),
    /// Somebody else decided that it must end.
    Ending(Ending),
    Stopping,
    /// Nothing is in hand, and nothing is left to send.
    Idle,
    /// The close frame was written.
    Sent,
    /// The time that [`Machine::due`] told has come.
    Tick,
}

/// What must be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Nothing,
    Take(Bytes),
    /// Answers that it stops.
    Refuse(Bytes),
    Send(Bytes),
    /// This is the last frame; `drop_rest`: what waits to be sent is not sent any more.
    Close {
        last: Bytes,
        drop_rest: bool,
    },
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// Takes nothing new; ends when what is in hand is answered.
    Draining {
        until: Instant,
    },
    /// The close frame is made; nothing that arrives counts, except an answer to it.
    Closing {
        until: Instant,
        /// The peer said its farewell.
        mutual: bool,
        sent: bool,
    },
    Ended,
}

#[derive(Debug)]
pub(crate) struct Machine {
    patience: Patience,
    state: State,
    heard: Instant,
    pinged: Option<Instant>,
    /// Since when a message is half read.
    amid: Option<Instant>,
}

const GOING_AWAY: u16 = 1001;
const PROTOCOL_ERROR: u16 = 1002;
const NOT_TEXT: u16 = 1007;
const TOO_SLOW: u16 = 1008;
const TOO_LARGE: u16 = 1009;
const COME_AGAIN: u16 = 1013;

impl Machine {
    pub(crate) fn new(patience: Patience, now: Instant) -> Self {
        Self {
            patience,
            state: State::Open,
            heard: now,
            pinged: None,
            amid: None,
        }
    }

    /// Bytes arrived; `amid`: a message is half read now.
    pub(crate) fn heard(&mut self, now: Instant, amid: bool) {
        self.heard = now;
        self.pinged = None;
        self.amid = if amid { self.amid.or(Some(now)) } else { None };
    }

    /// The peer took something that it had not taken before: it is there, even if it says nothing.
    pub(crate) fn taken(&mut self, now: Instant) {
        self.heard = now;
        self.pinged = None;
    }

    /// Does what arrives still count?
    pub(crate) fn is_listening(&self) -> bool {
        match self.state {
            State::Open | State::Draining { .. } => true,
            State::Closing { .. } | State::Ended => false,
        }
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.state == State::Ended
    }

    pub(crate) fn on(&mut self, event: Event, now: Instant) -> Action {
        match (self.state, event) {
            (State::Open, Event::Request(text)) => Action::Take(text),
            (State::Draining { .. }, Event::Request(text)) => Action::Refuse(text),
            (State::Open | State::Draining { .. }, Event::Ping(carried)) => {
                Action::Send(frame::pong(&carried))
            }
            (State::Open | State::Draining { .. }, Event::Pong) => Action::Nothing,
            (State::Open | State::Draining { .. }, Event::PeerCloses(code)) => {
                self.farewell(code, now)
            }
            (State::Open | State::Draining { .. } | State::Closing { .. }, Event::PeerGone) => {
                self.end()
            }
            (State::Open | State::Draining { .. }, Event::Violated(violation)) => {
                self.violated(violation, now)
            }
            (
                State::Open | State::Draining { .. },
                Event::Ending(Ending {
                    code,
                    reason,
                    drop_rest,
                }),
            ) => self.close(code, reason, drop_rest, now),
            (State::Open, Event::Stopping) => {
                self.state = State::Draining {
                    until: now + self.patience.drain_within,
                };
                Action::Nothing
            }
            (State::Draining { .. }, Event::Idle) => {
                self.close(GOING_AWAY, "the gateway stops; connect again", false, now)
            }
            (State::Open, Event::Idle | Event::Sent)
            | (State::Draining { .. }, Event::Stopping | Event::Sent)
            | (
                State::Closing { .. },
                Event::Request(_)
                | Event::Ping(_)
                | Event::Pong
                | Event::Violated(_)
                | Event::Ending(_)
                | Event::Stopping
                | Event::Idle,
            ) => Action::Nothing,
            (State::Closing { until, sent, .. }, Event::PeerCloses(_)) => match sent {
                true => self.end(),
                false => self.becomes(State::Closing {
                    until,
                    mutual: true,
                    sent,
                }),
            },
            (State::Closing { until, mutual, .. }, Event::Sent) => match mutual {
                true => self.end(),
                false => self.becomes(State::Closing {
                    until,
                    mutual,
                    sent: true,
                }),
            },
            (State::Open, Event::Tick) => self.late(now),
            (State::Draining { until }, Event::Tick) if now >= until => {
                self.close(GOING_AWAY, "the gateway stops; connect again", false, now)
            }
            (State::Draining { .. }, Event::Tick) => self.late(now),
            (State::Closing { until, .. }, Event::Tick) if now >= until => self.end(),
            (State::Closing { .. }, Event::Tick) => Action::Nothing,
            (
                State::Ended,
                Event::Request(_)
                | Event::Ping(_)
                | Event::Pong
                | Event::PeerCloses(_)
                | Event::PeerGone
                | Event::Violated(_)
                | Event::Ending(_)
                | Event::Stopping
                | Event::Idle
                | Event::Sent
                | Event::Tick,
            ) => Action::End,
        }
    }

    /// When [`Event::Tick`] is to be told next.
    pub(crate) fn due(&self) -> Instant {
        let silence = self
            .pinged
            .map_or(self.heard + self.patience.ping_after, |pinged| {
                pinged + self.patience.pong_within
            });
        let message = self.amid.map(|since| since + self.patience.message_within);
        let listening = message.map_or(silence, |message| message.min(silence));
        match self.state {
            State::Open => listening,
            State::Draining { until } => listening.min(until),
            State::Closing { until, .. } => until,
            State::Ended => self.heard,
        }
    }

    fn late(&mut self, now: Instant) -> Action {
        if self
            .amid
            .is_some_and(|since| now >= since + self.patience.message_within)
        {
            return self.close(TOO_SLOW, "a message took too long to arrive", false, now);
        }
        match self.pinged {
            Some(pinged) if now >= pinged + self.patience.pong_within => self.close(
                COME_AGAIN,
                "no sign of life for too long; connect again",
                true,
                now,
            ),
            None if now >= self.heard + self.patience.ping_after => {
                self.pinged = Some(now);
                Action::Send(frame::ping())
            }
            Some(_) | None => Action::Nothing,
        }
    }

    fn violated(&mut self, violation: Violation, now: Instant) -> Action {
        match violation {
            Violation::Protocol(why) => self.close(PROTOCOL_ERROR, why, false, now),
            Violation::TooLarge => {
                self.close(TOO_LARGE, "the message is larger than may be", false, now)
            }
            Violation::NotText => self.close(
                NOT_TEXT,
                "the message is not what it says it is",
                false,
                now,
            ),
        }
    }

    /// The peer ends it: its code comes back to it.
    fn farewell(&mut self, code: Option<u16>, now: Instant) -> Action {
        self.state = State::Closing {
            until: now + self.patience.close_within,
            mutual: true,
            sent: false,
        };
        Action::Close {
            last: frame::close(code, ""),
            drop_rest: true,
        }
    }

    fn close(&mut self, code: u16, reason: &str, drop_rest: bool, now: Instant) -> Action {
        self.state = State::Closing {
            until: now + self.patience.close_within,
            mutual: false,
            sent: false,
        };
        Action::Close {
            last: frame::close(Some(code), reason),
            drop_rest,
        }
    }

    fn end(&mut self) -> Action {
        self.state = State::Ended;
        Action::End
    }

    fn becomes(&mut self, state: State) -> Action {
        self.state = state;
        Action::Nothing
    }
}

#[cfg(test)]
mod tests;
