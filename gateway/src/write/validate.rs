//! Stage 2: the catalog's rules, and the collections a request touches. What comes out may be
//! published; nothing else may.

mod ask_hooks;
mod look_up;
mod seal;

use crate::{
    access::{Caller, no_look, system},
    error::{Code, Problem},
    hooks::HookClient,
    read::collections::Collections,
    request::RawRequest,
};
use catalog::{Accepted, AcceptedRequest, Beside, Kind, Operation, Seed};
use event_schema::{id::EntityKey, signing::Keyring, topics::Layout};
use json_text::ScannedJson;
use runtime::Clock;
use sealing::SubjectKeys;
use serde_json::{Map, Value};
use std::sync::Arc;
use store::{Collection, Record};

/// What is needed to check a request.
pub(crate) struct Validator {
    pub collections: Collections,
    pub record: Arc<dyn Record>,
    /// Is there a view?
    pub searchable: bool,
    pub clock: Arc<dyn Clock>,
    /// The keys by which values are sealed.
    pub sealing: SubjectKeys,
    pub hooks: Arc<HookClient>,
    /// By what request ids are made.
    pub keys: Keyring,
    pub layout: Layout,
}

/// Who asks, and whether it may be a repeat of what the ledger knows.
#[derive(Clone, Copy)]
pub(super) struct AskedBy<'a> {
    pub caller: &'a Caller,
    pub may: PlaceAdmission<'a>,
    pub is_repeatable: bool,
}

/// Judges whether the caller may write into these collections. Asked before anything is done for a
/// request that is more than to look at it.
pub(super) type PlaceAdmission<'a> =
    &'a (dyn Fn(&[(String, String)]) -> Result<(), Problem> + Sync);

/// Every collection that these may touch, once.
fn touched<'a>(accepted: impl Iterator<Item = &'a Accepted>) -> Vec<(String, String)> {
    let touched: std::collections::BTreeSet<_> = accepted
        .flat_map(|accepted| accepted.collections.iter().cloned())
        .collect();
    touched.into_iter().collect()
}

/// A request that keeps every rule that can be checked without its documents. Made only by
/// [`Validator::validate`].
pub(super) struct ValidRequest {
    /// One per event, in the request's order; a problem where one document of many breaks rules.
    pub items: Vec<Result<ValidItem, Problem>>,
    /// Every collection that it may touch, once.
    pub touched: Vec<(String, String)>,
}

/// What one event will carry. Its fields are private, so that nothing is published that did not
/// pass through [`Validator::item`].
pub(super) struct ValidItem {
    accepted: Accepted,
    incarnations: Map<String, Value>,
    catalog: Arc<str>,
}

/// What a valid item is made of.
pub(super) struct ItemParts {
    pub accepted: Accepted,
    pub incarnations: Map<String, Value>,
    /// The version by which it was accepted.
    pub catalog: Arc<str>,
}

impl ValidItem {
    pub(super) fn key(&self) -> &EntityKey {
        &self.accepted.key
    }

    pub(super) fn into_parts(self) -> ItemParts {
        ItemParts {
            accepted: self.accepted,
            incarnations: self.incarnations,
            catalog: self.catalog,
        }
    }
}

impl Validator {
    /// Checks a request against its operation, and whether the caller may, before it makes or tells
    /// anything. `unique` names it: see [`super::identify`].
    pub(super) async fn validate(
        &self,
        operation: &Operation,
        request: &RawRequest,
        unique: [u8; 16],
        may: PlaceAdmission<'_>,
    ) -> Result<ValidRequest, Problem> {
        if request.options.refresh && !self.searchable {
            return Err(Problem::new(
                Code::NoView,
                "`refresh=wait_for` needs a view, and this deployment has none",
            ));
        }
        let if_match = request.options.if_match;
        if if_match.is_some() && operation.kind() == Kind::Informative {
            return Err(Problem::new(
                Code::BadHeader,
                "If-Match names the version of a document, and this operation writes none",
            ));
        }
        let seed = self.seed(unique);
        let by = AskedBy {
            caller: &request.caller,
            may,
            is_repeatable: request.options.idempotency_key.is_some(),
        };
        let accepted = self.accept(operation, &request.json, &seed, by).await?;
        let touched = match &accepted {
            AcceptedRequest::One(accepted) => touched(std::iter::once(&**accepted)),
            AcceptedRequest::Many(children) => touched(children.iter().flatten()),
        };
        may(&touched)?;
        let items = match accepted {
            AcceptedRequest::One(accepted) => {
                let accepted = self.ask_hooks(operation, *accepted, &seed, by).await?;
                vec![Ok(self.item(operation, accepted, if_match).await?)]
            }
            AcceptedRequest::Many(_) if if_match.is_some() => {
                return Err(Problem::new(
                    Code::BadHeader,
                    "If-Match names the version of one document, and this request has many",
                ));
            }
            AcceptedRequest::Many(children) => {
                let children = self.ask_hooks_of_each(operation, children, &seed, by).await;
                let mut items = Vec::with_capacity(children.len());
                for child in children {
                    items.push(match child {
                        Ok(accepted) => self.item(operation, accepted, None).await,
                        Err(problem) => Err(problem),
                    });
                }
                items
            }
        };
        Ok(ValidRequest { items, touched })
    }

    /// What a request says, with what is looked up for it: nothing is for a caller who may not, as
    /// far as that is known without.
    async fn accept(
        &self,
        operation: &Operation,
        json: &ScannedJson,
        seed: &Seed,
        by: AskedBy<'_>,
    ) -> Result<AcceptedRequest, Problem> {
        if let Some(fixed) = operation.fixed_collections() {
            (by.may)(&fixed)?;
        }
        let asker = (&*by.caller.name, by.caller.unconfirmed.is_none());
        let beside = self.look_up_all(operation, json, seed, asker).await?;
        let accepted = operation.accept_with(json, seed, &beside);
        Ok(accepted.map_err(|invalid| self.mask_violations(operation, json, invalid))?)
    }

    /// Likewise a line of a bulk, which is one document.
    pub(super) async fn line(
        &self,
        operation: &Operation,
        json: &ScannedJson,
        unique: [u8; 16],
        by: AskedBy<'_>,
    ) -> Result<ValidItem, Problem> {
        let seed = self.seed(unique);
        match self.accept(operation, json, &seed, by).await? {
            AcceptedRequest::One(accepted) => {
                (by.may)(&accepted.collections)?;
                let accepted = self.ask_hooks(operation, *accepted, &seed, by).await?;
                self.item(operation, accepted, None).await
            }
            AcceptedRequest::Many(_) => Err(Problem::new(
                Code::NotInBulk,
                "a line of a bulk is one document",
            )),
        }
    }

    /// What a request asks other operations for.
    pub(crate) async fn expand(
        &self,
        operation: &Operation,
        json: &ScannedJson,
        unique: [u8; 16],
        principal: &str,
    ) -> Result<Vec<(String, Value)>, Problem> {
        let seed = self.seed(unique);
        let asker = (principal, true);
        let beside = self.look_up_all(operation, json, &seed, asker).await?;
        let expanded = operation.expand(json, &seed, &beside);
        Ok(expanded.map_err(|invalid| self.mask_violations(operation, json, invalid))?)
    }

    /// Looks up what the operation says, one after the other: a look-up may hang on those before.
    /// Nothing is looked up for an asker who could not be looked at.
    async fn look_up_all<'a>(
        &self,
        operation: &Operation,
        json: &ScannedJson,
        seed: &Seed,
        (principal, is_confirmed): (&'a str, bool),
    ) -> Result<Beside<'a>, Problem> {
        let mut beside = Beside {
            principal,
            looked: Map::new(),
        };
        let next = |beside: &Beside<'_>| {
            let next = operation.look_up(json, seed, beside);
            next.map_err(|invalid| self.mask_violations(operation, json, invalid))
        };
        while let Some(next) = next(&beside)? {
            if !is_confirmed {
                return Err(no_look());
            }
            let found = look_up::find_subjects(self, operation, &next.subjects).await?;
            next.answer(found, &mut beside.looked);
        }
        Ok(beside)
    }

    fn seed(&self, unique: [u8; 16]) -> Seed {
        let now = self.clock.now();
        Seed { unique, now }
    }

    /// What the service keeps for itself only its own operations own, and they are internal.
    async fn collection(&self, index: &str, name: &str) -> Result<Arc<Collection>, Problem> {
        if system::is_index(index)
            && let Some(known) = self.collections.system(name).await?
        {
            return Ok(known);
        }
        self.collections.get(index, name).await
    }

    /// Looks up the collections; If-Match and `if_version` must not contradict each other.
    async fn item(
        &self,
        operation: &Operation,
        mut accepted: Accepted,
        if_match: Option<u64>,
    ) -> Result<ValidItem, Problem> {
        if let Some(version) = if_match {
            if accepted.if_version.is_some_and(|other| other != version) {
                return Err(Problem::new(
                    Code::BadHeader,
                    "If-Match and `if_version` ask for different versions",
                )
                .at("/if_version"));
            }
            accepted.if_version = Some(version);
        }
        self.seal(operation, &mut accepted).await?;
        let mut incarnations = Map::new();
        for (index, name) in &accepted.collections {
            let collection = self.collection(index, name).await?;
            incarnations.insert(collection.name(), collection.incarnation.clone().into());
        }
        Ok(ValidItem {
            accepted,
            incarnations,
            catalog: operation.catalog_version().clone(),
        })
    }
}
