//! The life of one connection as a state machine: events go in with the time, actions come out.
//! Pure: it holds no socket, no queue and no request, and it alone decides when and how a
//! connection ends.

use crate::{decode::ProtocolViolation, frame, outbox::CloseReason};
use bytes::Bytes;
use std::time::Duration;
use tokio::time::Instant;

/// How long each wait of a connection may take.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionTimeouts {
    /// Silence after which a ping is sent. Silence by itself ends no connection.
    pub ping_after: Duration,
    /// For the answer to that ping.
    pub pong_within: Duration,
    /// For one message to arrive, from its first byte on.
    pub message_within: Duration,
    /// For the peer's part of the closing handshake.
    pub close_within: Duration,
    /// For what is in hand when the server stops.
    pub drain_within: Duration,
}

/// What happened on a connection.
#[derive(Debug)]
pub enum ConnectionEvent {
    /// A whole message.
    Message(Bytes),
    Ping(Bytes),
    Pong,
    PeerCloses(Option<u16>),
    /// The peer's end of the stream, or an error on it.
    PeerGone,
    ProtocolViolated(ProtocolViolation),
    /// The outbox says that the connection must end.
    CloseRequested(CloseReason),
    Stopping,
    /// Nothing is in hand, and nothing is left to send.
    Idle,
    /// The close frame was written.
    Sent,
    /// The time of [`ConnectionMachine::due`] has come.
    Tick,
}

/// What the connection must do next.
#[derive(Debug, PartialEq, Eq)]
pub enum ConnectionAction {
    Nothing,
    Take(Bytes),
    /// Answer that the server stops.
    Refuse(Bytes),
    Send(Bytes),
    /// This is the last frame; `drop_rest`: what waits to be sent is dropped.
    Close {
        last: Bytes,
        drop_rest: bool,
    },
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConnectionState {
    Open,
    /// Takes nothing new; ends when what is in hand is answered.
    Draining {
        until: Instant,
    },
    /// The close frame is made; of what arrives only the answer to it counts.
    Closing {
        until: Instant,
        /// The peer sent its close frame.
        mutual: bool,
        sent: bool,
    },
    Ended,
}

#[derive(Debug)]
pub struct ConnectionMachine {
    timeouts: ConnectionTimeouts,
    state: ConnectionState,
    heard: Instant,
    pinged: Option<Instant>,
    /// Since when a message is half read.
    amid: Option<Instant>,
}

const GOING_AWAY: u16 = 1001;
const PROTOCOL_ERROR: u16 = 1002;
const INVALID_PAYLOAD: u16 = 1007;
const TOO_SLOW: u16 = 1008;
const TOO_LARGE: u16 = 1009;
const TRY_AGAIN_LATER: u16 = 1013;

const SERVER_STOPS: &str = "the server is stopping; connect again";

impl ConnectionMachine {
    pub fn new(timeouts: ConnectionTimeouts, now: Instant) -> Self {
        Self {
            timeouts,
            state: ConnectionState::Open,
            heard: now,
            pinged: None,
            amid: None,
        }
    }

    /// Bytes arrived; `amid`: a message is half read now.
    pub fn heard(&mut self, now: Instant, amid: bool) {
        self.heard = now;
        self.pinged = None;
        self.amid = if amid { self.amid.or(Some(now)) } else { None };
    }

    /// The peer took bytes that its socket had no room for before: it is alive, even if silent.
    pub fn taken(&mut self, now: Instant) {
        self.heard = now;
        self.pinged = None;
    }

    /// Does what arrives still count?
    pub fn is_listening(&self) -> bool {
        match self.state {
            ConnectionState::Open | ConnectionState::Draining { .. } => true,
            ConnectionState::Closing { .. } | ConnectionState::Ended => false,
        }
    }

    pub fn is_ended(&self) -> bool {
        self.state == ConnectionState::Ended
    }

    pub fn on(&mut self, event: ConnectionEvent, now: Instant) -> ConnectionAction {
        use {ConnectionAction as Action, ConnectionEvent as Event, ConnectionState as State};
        match (self.state, event) {
            (State::Open, Event::Message(text)) => Action::Take(text),
            (State::Draining { .. }, Event::Message(text)) => Action::Refuse(text),
            (State::Open | State::Draining { .. }, Event::Ping(carried)) => {
                Action::Send(frame::pong_frame(&carried))
            }
            (State::Open | State::Draining { .. }, Event::Pong) => Action::Nothing,
            (State::Open | State::Draining { .. }, Event::PeerCloses(code)) => {
                self.peer_closes(code, now)
            }
            (State::Open | State::Draining { .. } | State::Closing { .. }, Event::PeerGone) => {
                self.end_connection()
            }
            (State::Open | State::Draining { .. }, Event::ProtocolViolated(violation)) => {
                self.violated(violation, now)
            }
            (
                State::Open | State::Draining { .. },
                Event::CloseRequested(CloseReason {
                    code,
                    reason,
                    drop_rest,
                }),
            ) => self.begin_close(code, reason, drop_rest, now),
            (State::Open, Event::Stopping) => {
                self.state = State::Draining {
                    until: now + self.timeouts.drain_within,
                };
                Action::Nothing
            }
            (State::Draining { .. }, Event::Idle) => {
                self.begin_close(GOING_AWAY, SERVER_STOPS, false, now)
            }
            (State::Open, Event::Idle | Event::Sent)
            | (State::Draining { .. }, Event::Stopping | Event::Sent)
            | (
                State::Closing { .. },
                Event::Message(_)
                | Event::Ping(_)
                | Event::Pong
                | Event::ProtocolViolated(_)
                | Event::CloseRequested(_)
                | Event::Stopping
                | Event::Idle,
            ) => Action::Nothing,
            (State::Closing { until, sent, .. }, Event::PeerCloses(_)) => {
                if sent {
                    self.end_connection()
                } else {
                    self.enter_state(State::Closing {
                        until,
                        mutual: true,
                        sent,
                    })
                }
            }
            (State::Closing { until, mutual, .. }, Event::Sent) => {
                if mutual {
                    self.end_connection()
                } else {
                    self.enter_state(State::Closing {
                        until,
                        mutual,
                        sent: true,
                    })
                }
            }
            (State::Open, Event::Tick) => self.check_deadlines(now),
            (State::Draining { until }, Event::Tick) if now >= until => {
                self.begin_close(GOING_AWAY, SERVER_STOPS, false, now)
            }
            (State::Draining { .. }, Event::Tick) => self.check_deadlines(now),
            (State::Closing { until, .. }, Event::Tick) if now >= until => self.end_connection(),
            (State::Closing { .. }, Event::Tick) => Action::Nothing,
            (
                State::Ended,
                Event::Message(_)
                | Event::Ping(_)
                | Event::Pong
                | Event::PeerCloses(_)
                | Event::PeerGone
                | Event::ProtocolViolated(_)
                | Event::CloseRequested(_)
                | Event::Stopping
                | Event::Idle
                | Event::Sent
                | Event::Tick,
            ) => Action::End,
        }
    }

    /// When [`ConnectionEvent::Tick`] is due next.
    pub fn due(&self) -> Instant {
        let silence = self
            .pinged
            .map_or(self.heard + self.timeouts.ping_after, |pinged| {
                pinged + self.timeouts.pong_within
            });
        let message = self.amid.map(|since| since + self.timeouts.message_within);
        let listening = message.map_or(silence, |message| message.min(silence));
        match self.state {
            ConnectionState::Open => listening,
            ConnectionState::Draining { until } => listening.min(until),
            ConnectionState::Closing { until, .. } => until,
            ConnectionState::Ended => self.heard,
        }
    }

    fn check_deadlines(&mut self, now: Instant) -> ConnectionAction {
        if self
            .amid
            .is_some_and(|since| now >= since + self.timeouts.message_within)
        {
            return self.begin_close(TOO_SLOW, "a message took too long to arrive", false, now);
        }
        match self.pinged {
            Some(pinged) if now >= pinged + self.timeouts.pong_within => self.begin_close(
                TRY_AGAIN_LATER,
                "no sign of life for too long; connect again",
                true,
                now,
            ),
            None if now >= self.heard + self.timeouts.ping_after => {
                self.pinged = Some(now);
                ConnectionAction::Send(frame::ping_frame())
            }
            Some(_) | None => ConnectionAction::Nothing,
        }
    }

    fn violated(&mut self, violation: ProtocolViolation, now: Instant) -> ConnectionAction {
        match violation {
            ProtocolViolation::Framing(why) => self.begin_close(PROTOCOL_ERROR, why, false, now),
            ProtocolViolation::TooLarge => self.begin_close(
                TOO_LARGE,
                "the message is larger than the limit",
                false,
                now,
            ),
            ProtocolViolation::InvalidPayload => self.begin_close(
                INVALID_PAYLOAD,
                "the payload does not match the message type",
                false,
                now,
            ),
        }
    }

    /// The peer closes: its code is sent back.
    fn peer_closes(&mut self, code: Option<u16>, now: Instant) -> ConnectionAction {
        self.state = ConnectionState::Closing {
            until: now + self.timeouts.close_within,
            mutual: true,
            sent: false,
        };
        ConnectionAction::Close {
            last: frame::close_frame(code, ""),
            drop_rest: true,
        }
    }

    fn begin_close(
        &mut self,
        code: u16,
        reason: &str,
        drop_rest: bool,
        now: Instant,
    ) -> ConnectionAction {
        self.state = ConnectionState::Closing {
            until: now + self.timeouts.close_within,
            mutual: false,
            sent: false,
        };
        ConnectionAction::Close {
            last: frame::close_frame(Some(code), reason),
            drop_rest,
        }
    }

    fn end_connection(&mut self) -> ConnectionAction {
        self.state = ConnectionState::Ended;
        ConnectionAction::End
    }

    fn enter_state(&mut self, state: ConnectionState) -> ConnectionAction {
        self.state = state;
        ConnectionAction::Nothing
    }
}

#[cfg(test)]
mod tests;
