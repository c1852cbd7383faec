//! The right that a route needs, and what is answered where it is missing.

use super::{Principal, limits::LimitReached};
use crate::error::{Code, Problem};

/// Where what a route does is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlaceRule {
    /// No right is needed.
    Public,
    /// It names no place.
    Nowhere,
    /// It cannot be told to be within a restriction.
    Everywhere,
    /// The path names index and collection.
    Path,
    /// The operation that the path names says where, once the request is read.
    Operation,
}

/// The right of a route: controller, action, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Right {
    pub controller: &'static str,
    pub action: &'static str,
    pub place: PlaceRule,
}

impl Right {
    pub(crate) const PUBLIC: Self = Self::new("", "", PlaceRule::Public);
    /// Of the operation in the path.
    pub(crate) const OPERATION: Self = Self::new("", "", PlaceRule::Operation);

    pub(crate) const fn new(
        controller: &'static str,
        action: &'static str,
        place: PlaceRule,
    ) -> Self {
        Self {
            controller,
            action,
            place,
        }
    }
}

/// The right of an operation: `user.create` needs `user:create`.
pub(crate) fn of_operation(name: &str) -> (&str, &str) {
    name.split_once('.').unwrap_or(("operation", name))
}

/// The caller lacks a right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Denied {
    pub controller: String,
    pub action: String,
    /// `None`: the caller showed no credential.
    pub kuid: Option<String>,
}

impl Denied {
    pub(super) fn new(caller: &Principal, controller: &str, action: &str) -> Self {
        Self {
            controller: controller.to_owned(),
            action: action.to_owned(),
            kuid: (!caller.is_anonymous()).then(|| caller.name.to_string()),
        }
    }
}

impl From<LimitReached> for Problem {
    fn from(reached: LimitReached) -> Self {
        let why = "more requests were made than the caller's profiles allow";
        Self::new(Code::TooManyRequests, why).retry_after(reached.seconds())
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        let right = format!("{}:{}", denied.controller, denied.action);
        let (code, why) = match denied.kuid {
            None => (
                Code::Unauthenticated,
                "needs a caller that is authenticated",
            ),
            Some(_) => (Code::Forbidden, "is not among the caller's rights here"),
        };
        Problem::new(code, format!("`{right}` {why}")).with("rule", right.into())
    }
}
