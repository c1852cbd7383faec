//! Scenarios: requests that are carried out one after the other on nothing but memory, each over what
//! those before it left, and what must stand after each. For testing definitions; it stores nothing.

mod expected;
mod state;

use crate::{AcceptedRequest, Beside, Catalog, Invalid, Operation, Seed};
use event_schema::outcome::{Refusal, Verdict};
use json_text::ScannedJson;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use state::ScenarioState;
use std::collections::BTreeMap;

/// When each scenario begins; a second goes by with each step.
const BEGIN: i64 = 1_773_481_267_512;

/// A file of them holds one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is about.
    pub scenario: String,
    pub steps: Vec<ScenarioStep>,
}

/// A request, and what must be so afterwards. `${name}` in a text stands for what an earlier step kept.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioStep {
    pub operation: String,
    #[serde(default)]
    pub request: Value,
    /// Who asks; `anonymous` where it is not said.
    pub principal: Option<String>,
    /// The rule or code by which it is refused. Without it, it must be applied.
    pub refused: Option<String>,
    /// Members of the answer.
    pub answer: Option<Map<String, Value>>,
    /// Members of the answer that later steps use, by the names under which they do.
    #[serde(default)]
    pub keep: BTreeMap<String, String>,
    /// By `index/collection` and id: members of the document, or null where none must be.
    #[serde(default)]
    pub documents: BTreeMap<String, BTreeMap<String, Option<Map<String, Value>>>>,
    /// By table: rows with their key and some of their cells.
    #[serde(default)]
    pub rows: BTreeMap<String, Vec<Map<String, Value>>>,
    /// By table: keys of rows that must not be.
    #[serde(default)]
    pub no_rows: BTreeMap<String, Vec<Map<String, Value>>>,
}

/// What was not as a step says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("step {step} ({operation}): {why}")]
pub struct ScenarioFault {
    /// From 1.
    pub step: usize,
    pub operation: String,
    pub why: String,
}

/// What became of a request.
enum StepOutcome {
    Applied(Value),
    Refused(String, String),
}

impl Catalog {
    /// Carries a scenario out to its end, or to the first thing that is not as it says.
    ///
    /// # Errors
    /// What that is.
    pub fn play(&self, scenario: &Scenario) -> Result<(), ScenarioFault> {
        let mut state = ScenarioState::default();
        let mut kept = BTreeMap::new();
        for (number, step) in (1..).zip(&scenario.steps) {
            let played = self.play_step(&mut state, step, &mut kept);
            played.map_err(|why| ScenarioFault {
                step: number,
                operation: step.operation.clone(),
                why,
            })?;
        }
        Ok(())
    }

    fn play_step(
        &self,
        state: &mut ScenarioState,
        step: &ScenarioStep,
        kept: &mut BTreeMap<String, Value>,
    ) -> Result<(), String> {
        let operation = self.operation(&step.operation);
        let operation = operation.ok_or("there is no such operation")?;
        let request = expected::filled(&step.request, kept)?;
        let principal = step.principal.as_deref().unwrap_or("anonymous");
        let outcome = self.carry_out(state, operation, &request, principal)?;
        match (outcome, &step.refused) {
            (StepOutcome::Applied(answer), None) => {
                if let Some(wanted) = &step.answer {
                    let wanted = expected::filled_members(wanted, kept)?;
                    expected::compare("the answer", &answer, &wanted)?;
                }
                for (name, member) in &step.keep {
                    let value = answer.get(member);
                    let value = value.ok_or_else(|| format!("the answer has no `{member}`"))?;
                    kept.insert(name.clone(), value.clone());
                }
            }
            (StepOutcome::Refused(found, _), Some(wanted)) if found == *wanted => {}
            (StepOutcome::Applied(_), Some(wanted)) => {
                return Err(format!("should be refused by `{wanted}`, is applied"));
            }
            (StepOutcome::Refused(found, why), wanted) => {
                let should = match wanted {
                    Some(rule) => format!("refused by `{rule}`"),
                    None => "applied".to_owned(),
                };
                return Err(format!(
                    "should be {should}, is refused by `{found}`: {why}"
                ));
            }
        }
        expected::check(self, state, step, kept)
    }

    fn carry_out(
        &self,
        state: &mut ScenarioState,
        operation: &Operation,
        request: &Value,
        principal: &str,
    ) -> Result<StepOutcome, String> {
        let seed = state.next_seed(BEGIN);
        let json = ScannedJson::from(request);
        let accepted = self.accepted(state, operation, &json, (&seed, principal));
        let accepted = match accepted {
            Ok(AcceptedRequest::One(one)) => vec![Ok(*one)],
            Ok(AcceptedRequest::Many(items)) => items,
            Err(invalid) => return Ok(of_invalid(&invalid)),
        };
        let mut answers = Vec::new();
        for one in accepted {
            let one = match one {
                Ok(one) => one,
                Err(invalid) => return Ok(of_invalid(&invalid)),
            };
            let (verdict, answer) = state.decide(self, one, (principal, seed.now))?;
            match verdict {
                Verdict::Refused(refusal) => return Ok(of_refusal(&refusal)),
                _ => answers.push(answer),
            }
        }
        Ok(StepOutcome::Applied(match answers.len() {
            1 => answers.swap_remove(0),
            _ => answers.into(),
        }))
    }

    /// As a gateway accepts it, with what it looks up in the state.
    fn accepted(
        &self,
        state: &ScenarioState,
        operation: &Operation,
        json: &ScannedJson,
        (seed, principal): (&Seed, &str),
    ) -> Result<AcceptedRequest, Invalid> {
        let mut beside = Beside {
            principal,
            looked: Map::new(),
        };
        while let Some(next) = operation.look_up(json, seed, &beside)? {
            let subjects = next.subjects.iter().flatten();
            let found = subjects.map(|subject| state.look_up(subject)).collect();
            next.answer(found, &mut beside.looked);
        }
        operation.accept_with(json, seed, &beside)
    }
}

fn of_invalid(invalid: &Invalid) -> StepOutcome {
    match invalid.0.first() {
        Some(first) => StepOutcome::Refused(first.rule.clone(), first.message.clone()),
        None => StepOutcome::Refused("invalid".to_owned(), String::new()),
    }
}

fn of_refusal(refusal: &Refusal) -> StepOutcome {
    let code = || json!(refusal.code).as_str().unwrap_or_default().to_owned();
    let rule = refusal.rule.clone().unwrap_or_else(code);
    StepOutcome::Refused(rule, refusal.message.clone())
}

#[cfg(test)]
mod tests;
