//! Whether an endpoint is asked at all: one that failed so often in a row is left alone for a while,
//! then one question tries it. Time is passed in.

use parking_lot::Mutex;
use std::time::Duration;

/// Until the one question that tries it is answered, others are told to come back.
const WHILE_TRYING: Duration = Duration::from_secs(1);

/// After how many failures in a row, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct CircuitLimits {
    pub failures: u32,
    pub pause: Duration,
}

/// Of one endpoint.
#[derive(Debug)]
pub(super) struct Circuit {
    limits: CircuitLimits,
    state: Mutex<CircuitState>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CircuitState {
    /// Questions pass; so many failed in a row.
    Closed(u32),
    /// None passes until then.
    Open(Duration),
    /// One is on its way.
    Trying,
}

/// A question that passed. Dropped without a word of how it went, it counts for nothing.
#[derive(Debug)]
pub(super) struct CircuitPassage<'a> {
    circuit: &'a Circuit,
    is_trial: bool,
    is_told: bool,
}

impl Circuit {
    pub(super) fn new(limits: CircuitLimits) -> Self {
        Self {
            limits,
            state: Mutex::new(CircuitState::Closed(0)),
        }
    }

    /// Lets a question pass, or says for how long there is no use in coming back.
    pub(super) fn enter(&self, now: Duration) -> Result<CircuitPassage<'_>, Duration> {
        let mut state = self.state.lock();
        let is_trial = match *state {
            CircuitState::Closed(_) => false,
            CircuitState::Trying => return Err(WHILE_TRYING),
            CircuitState::Open(until) if now < until => return Err(until - now),
            CircuitState::Open(_) => {
                *state = CircuitState::Trying;
                true
            }
        };
        Ok(CircuitPassage {
            circuit: self,
            is_trial,
            is_told: false,
        })
    }

    fn is_open(&self) -> bool {
        !matches!(*self.state.lock(), CircuitState::Closed(_))
    }
}

impl CircuitPassage<'_> {
    /// Is the circuit open now? So for all of these.
    pub(super) fn succeeded(&mut self) -> bool {
        self.is_told = true;
        let mut state = self.circuit.state.lock();
        // What was asked before it opened says nothing of the endpoint as it is now.
        if self.is_trial || matches!(*state, CircuitState::Closed(_)) {
            *state = CircuitState::Closed(0);
        }
        !matches!(*state, CircuitState::Closed(_))
    }

    pub(super) fn failed(&mut self, now: Duration) -> bool {
        self.is_told = true;
        let limits = self.circuit.limits;
        let mut state = self.circuit.state.lock();
        *state = match *state {
            CircuitState::Closed(failures) if failures + 1 < limits.failures => {
                CircuitState::Closed(failures + 1)
            }
            CircuitState::Closed(_) => CircuitState::Open(now + limits.pause),
            CircuitState::Trying if self.is_trial => CircuitState::Open(now + limits.pause),
            other => other,
        };
        !matches!(*state, CircuitState::Closed(_))
    }

    /// It never reached the endpoint.
    pub(super) fn given_up(&mut self) -> bool {
        self.is_told = true;
        self.leave_trial();
        self.circuit.is_open()
    }

    fn leave_trial(&self) {
        if self.is_trial {
            *self.circuit.state.lock() = CircuitState::Open(Duration::ZERO);
        }
    }
}

impl Drop for CircuitPassage<'_> {
    fn drop(&mut self) {
        if !self.is_told {
            self.leave_trial();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn circuit() -> Circuit {
        Circuit::new(CircuitLimits {
            failures: 3,
            pause: at(10),
        })
    }

    fn fail(circuit: &Circuit, now: u64) -> bool {
        circuit.enter(at(now)).unwrap().failed(at(now))
    }

    #[test]
    fn failures_in_a_row_open_it_and_one_that_succeeds_closes_it() {
        let circuit = circuit();
        assert!(!fail(&circuit, 1) && !fail(&circuit, 2));
        assert!(!circuit.enter(at(3)).unwrap().succeeded(), "begins anew");
        assert!(!fail(&circuit, 4) && !fail(&circuit, 5) && fail(&circuit, 6));
        assert_eq!(circuit.enter(at(7)).unwrap_err(), at(9));
        assert_eq!(circuit.enter(at(15)).unwrap_err(), at(1));

        let mut trial = circuit.enter(at(16)).unwrap();
        assert_eq!(circuit.enter(at(16)).unwrap_err(), WHILE_TRYING);
        assert!(trial.failed(at(17)), "it is left alone again");
        assert_eq!(circuit.enter(at(18)).unwrap_err(), at(9));
        assert!(!circuit.enter(at(27)).unwrap().succeeded());
        assert!(circuit.enter(at(27)).is_ok() && circuit.enter(at(27)).is_ok());
    }

    #[test]
    fn a_trial_that_is_given_up_lets_the_next_one_try() {
        let circuit = circuit();
        for now in 0..3 {
            fail(&circuit, now);
        }
        drop(circuit.enter(at(12)).unwrap());
        let mut trial = circuit.enter(at(12)).unwrap();
        assert!(trial.given_up());
        assert!(!circuit.enter(at(12)).unwrap().succeeded());
    }

    #[test]
    fn what_was_asked_before_it_opened_changes_nothing() {
        let circuit = circuit();
        let (mut late, mut later) = (circuit.enter(at(0)).unwrap(), circuit.enter(at(0)).unwrap());
        for now in 0..3 {
            fail(&circuit, now);
        }
        assert!(late.succeeded());
        assert!(later.failed(at(9)));
        assert!(circuit.enter(at(11)).unwrap_err() == at(1));
    }
}
