//! Why there is no answer of a hook, as metrics count it and clients are told it.

use crate::error::{Code, Problem};
use catalog::Hook;
use std::time::Duration;

/// Seconds after which it is tried again where nothing better is known.
const USUAL: u64 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HookFailure {
    /// As many questions as may are on their way, for as long as this one could wait.
    Busy,
    TimedOut,
    Unreachable,
    /// What came is no answer.
    Unusable,
    /// It is left alone, for so long.
    CircuitOpen(Duration),
}

impl HookFailure {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::Unusable => "unusable",
            Self::CircuitOpen(_) => "circuit_open",
        }
    }

    /// Does it say something of the endpoint?
    pub(super) fn is_of_endpoint(self) -> bool {
        match self {
            Self::TimedOut | Self::Unreachable | Self::Unusable => true,
            Self::Busy | Self::CircuitOpen(_) => false,
        }
    }

    pub(crate) fn to_problem(self, hook: &Hook) -> Problem {
        let why = match self {
            Self::Busy => "is asked as much at once as it may be",
            Self::TimedOut => "gave no answer in time",
            Self::Unreachable => "cannot be reached",
            Self::Unusable => "gave no answer that can be used",
            Self::CircuitOpen(_) => "failed several times in a row and is left alone for a moment",
        };
        let seconds = match self {
            Self::CircuitOpen(left) => left.as_secs() + 1,
            _ => USUAL,
        };
        let detail = format!("the hook `{}` {why}", hook.name());
        let problem = Problem::new(Code::HookUnavailable, detail).retry_after(seconds);
        problem.with("hook", hook.name().into())
    }
}
