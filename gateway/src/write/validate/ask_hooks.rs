//! Whoever the catalog names is asked about a request that would be accepted. A change is held to the
//! operation's rules like a request, and may not make it one about something else; the event carries
//! the request as it was changed, and by whom, so that no replay asks again. See ADR 27.

use super::{AskedBy, Validator};
use crate::{
    error::{Code, Problem},
    hooks::{HookAnswer, HookQuestion},
};
use bytes::Bytes;
use catalog::{Accepted, AcceptedRequest, Hook, HookFailurePolicy, Invalid, Operation, Seed};
use event_schema::id::RequestId;
use futures::{StreamExt, stream};
use json_text::{JsonObjectWriter, ScannedJson};
use serde_json::{Value, json};
use std::sync::Arc;
use tracing::warn;

/// Documents of one request that are asked about side by side.
const AT_ONCE: usize = 32;
/// What an event's `generated` calls the list of what hooks said; no definition can name it.
const SAID: &str = "$hooks";
const VOLATILE: &str = "volatile";

impl Validator {
    /// Asks all of them, one after the other: each is told what those before it made of the request.
    pub(super) async fn ask_hooks(
        &self,
        operation: &Operation,
        mut accepted: Accepted,
        seed: &Seed,
        by: AskedBy<'_>,
    ) -> Result<Accepted, Problem> {
        let hooks: Vec<Arc<Hook>> = operation.hooks(&accepted.collections).cloned().collect();
        if hooks.is_empty() {
            return Ok(accepted);
        }
        by.caller.require_look()?;
        if by.is_repeatable && self.is_remembered(accepted.unique).await {
            return Ok(accepted);
        }
        let mut said = Vec::with_capacity(hooks.len());
        for hook in &hooks {
            let decision = match self.ask_hook(hook, operation, &accepted, by).await {
                Ok(HookAnswer::Refuse(refusal)) => return Err(refusal.to_problem(hook)),
                Ok(HookAnswer::Accept) => Ok("accepted"),
                Ok(HookAnswer::Change(request)) => {
                    let changed = self.change(operation, &accepted, request, (seed, by)).await;
                    self.judge_change(hook, changed)?.map(|changed| {
                        accepted = changed;
                        "changed"
                    })
                }
                Err(problem) => Err(problem),
            };
            let decision = match (decision, hook.on_failure()) {
                (Ok(decision), _) => decision,
                (Err(_), HookFailurePolicy::Pass) => "passed",
                (Err(problem), HookFailurePolicy::Refuse) => return Err(problem),
            };
            said.push(json!({"hook": hook.name(), "decision": decision}));
        }
        accepted.generated.insert(SAID.to_owned(), said.into());
        Ok(accepted)
    }

    /// Each document of a request of many is asked about by itself.
    pub(super) async fn ask_hooks_of_each(
        &self,
        operation: &Operation,
        children: Vec<Result<Accepted, Invalid>>,
        seed: &Seed,
        by: AskedBy<'_>,
    ) -> Vec<Result<Accepted, Problem>> {
        let single = operation.single_form();
        let asking = children.into_iter().map(|child| async move {
            let accepted = child?;
            let seed = Seed {
                unique: accepted.unique,
                now: seed.now,
            };
            self.ask_hooks(single, accepted, &seed, by).await
        });
        stream::iter(asking).buffered(AT_ONCE).collect().await
    }

    /// Has the ledger an answer for it? A client that repeats a request is told what became of the
    /// first, whatever a hook would say now.
    async fn is_remembered(&self, unique: [u8; 16]) -> bool {
        // The ledger is asked by what is unique in an id, wherever it went.
        let id = RequestId::mint(&self.keys, self.layout.generation, 0, unique);
        let found = self.record.ledger(&[id]).await.unwrap_or_default();
        found.iter().any(Option::is_some)
    }

    async fn ask_hook(
        &self,
        hook: &Hook,
        operation: &Operation,
        accepted: &Accepted,
        by: AskedBy<'_>,
    ) -> Result<HookAnswer, Problem> {
        let partition = self
            .stored_key(operation, accepted)
            .partition(self.layout.partitions);
        let collections = accepted.collections.iter();
        let question = HookQuestion {
            hook: hook.name(),
            request_id: RequestId::mint(
                &self.keys,
                self.layout.generation,
                partition,
                accepted.unique,
            ),
            operation: &accepted.operation,
            key: &accepted.key,
            tenant: &by.caller.tenant,
            principal: &by.caller.name,
            collections: collections
                .map(|(index, name)| format!("{index}/{name}"))
                .collect(),
            catalog: operation.catalog_version(),
            request: &accepted.request,
        };
        let answer = self.hooks.ask(hook, &question).await;
        answer.map_err(|failure| failure.to_problem(hook))
    }

    /// The request as a hook would have it, if it may be.
    async fn change(
        &self,
        operation: &Operation,
        accepted: &Accepted,
        request: Bytes,
        (seed, by): (&Seed, AskedBy<'_>),
    ) -> Result<Accepted, Problem> {
        let json = self.hooks.scan_change(request)?;
        let json = with_volatile(&json, accepted)?;
        let asker = (&*by.caller.name, by.caller.unconfirmed.is_none());
        let beside = self.look_up_all(operation, &json, seed, asker).await?;
        let changed = operation.accept_with(&json, seed, &beside);
        let changed = changed.map_err(|invalid| self.mask_violations(operation, &json, invalid))?;
        let AcceptedRequest::One(changed) = changed else {
            return Err(not_allowed("it holds many documents"));
        };
        if changed.key != accepted.key {
            return Err(not_allowed("it is about another entity"));
        }
        if changed.collections != accepted.collections {
            return Err(not_allowed("it touches other collections"));
        }
        if changed.if_version != accepted.if_version {
            return Err(not_allowed("it asks for another version"));
        }
        Ok(*changed)
    }

    /// What is wrong with a change is the hook's fault, and no client's; a store that is away is
    /// neither's.
    fn judge_change(
        &self,
        hook: &Hook,
        changed: Result<Accepted, Problem>,
    ) -> Result<Result<Accepted, Problem>, Problem> {
        let problem = match changed {
            Ok(changed) => return Ok(Ok(changed)),
            Err(problem) if problem.status().is_server_error() && problem.code() != CHANGED => {
                return Err(problem);
            }
            Err(problem) => problem,
        };
        self.hooks.count_not_allowed(hook);
        let (hook, why) = (hook.name(), problem.detail());
        warn!(hook, why, "a hook's change cannot be accepted");
        let detail = format!(
            "the hook `{hook}` changed the request into one that cannot be accepted: {why}"
        );
        let told = Problem::new(CHANGED, detail).with("hook", hook.into());
        Ok(Err(match problem.pointer() {
            Some(pointer) => told.at(pointer),
            None => told,
        }))
    }
}

const CHANGED: Code = Code::HookAnswerInvalid;

fn not_allowed(why: &str) -> Problem {
    Problem::new(CHANGED, why)
}

/// What subscribers are passed on is no part of what hooks are asked about: it stays as it is.
fn with_volatile(json: &ScannedJson, accepted: &Accepted) -> Result<ScannedJson, Problem> {
    let members = json.members();
    let members = members.ok_or_else(|| not_allowed("it is no object"))?;
    let mut object = JsonObjectWriter::with_capacity(json.bytes().len() + 64);
    for member in members.filter(|member| member.name != VOLATILE) {
        object.push_member(&member);
    }
    if let Some(volatile) = &accepted.volatile {
        let value: Value = serde_json::from_str(volatile.get()).unwrap_or_default();
        object.push_value(VOLATILE, &value);
    }
    Ok(object.finish())
}
