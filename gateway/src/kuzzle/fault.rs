//! The only place where an error becomes a wire form of this family: Kuzzle's stable ids and codes,
//! each with its status, as one table. A client matches on the id, so a row is never renamed; rows
//! of our own stand beside Kuzzle's in numbers that it does not use.

mod from;

use event_schema::id::RequestId;
use serde::{Serialize, ser::SerializeMap};
use serde_json::Value;

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FaultRow {
    pub name: &'static str,
    pub code: u32,
    pub status: u16,
}

macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident $name:literal $code:literal $status:literal;)*) => {
        /// The errors.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Id { $($(#[$doc])* $variant),* }

        /// All rows, in the order of [`Id`].
        pub(crate) const TABLE: &[FaultRow] = &[$(FaultRow { name: $name, code: $code, status: $status }),*];
    };
}

faults! {
    Unexpected "core.fatal.unexpected_error" 0x0000_0001 500;
    RoomNotFound "core.realtime.room_not_found" 0x0001_0001 404;
    InvalidState "core.realtime.invalid_state" 0x0001_0003 400;
    InvalidScope "core.realtime.invalid_scope" 0x0001_0004 400;
    InvalidUsers "core.realtime.invalid_users" 0x0001_0005 400;
    TooManyTerms "core.realtime.too_many_terms" 0x0001_0006 413;
    TooManyRooms "core.realtime.too_many_rooms" 0x0001_0007 413;
    NotSubscribed "core.realtime.not_subscribed" 0x0001_0008 412;
    /// Not Kuzzle's: the call needs a connection that stays open.
    NoConnection "core.realtime.no_connection" 0x0001_0080 400;
    /// Not Kuzzle's: the subscription is not active everywhere in the time allowed.
    NotActive "core.realtime.not_active" 0x0001_0081 504;
    /// Not Kuzzle's: `since` is no cursor of this room, or not this client's, or has expired.
    BadCursor "core.realtime.invalid_cursor" 0x0001_0082 400;
    /// Not Kuzzle's: the log has forgotten what is behind the cursor.
    CursorTooOld "core.realtime.cursor_too_old" 0x0001_0083 412;
    UnknownIndex "services.storage.unknown_index" 0x0101_0001 412;
    UnknownCollection "services.storage.unknown_collection" 0x0101_0002 412;
    GetLimit "services.storage.get_limit_exceeded" 0x0101_0003 413;
    WriteLimit "services.storage.write_limit_exceeded" 0x0101_0004 413;
    ImportFailed "services.storage.import_failed" 0x0101_0005 206;
    NotFound "services.storage.not_found" 0x0101_000b 404;
    UnknownScroll "services.storage.unknown_scroll_id" 0x0101_000e 404;
    DocumentExists "services.storage.document_already_exists" 0x0101_0011 400;
    InvalidMapping "services.storage.invalid_mapping" 0x0101_0015 400;
    StoreAway "services.storage.not_connected" 0x0101_0018 500;
    CannotChangeMapping "services.storage.cannot_change_mapping" 0x0101_001a 400;
    StorageBadRequest "services.storage.unexpected_bad_request" 0x0101_0021 400;
    IndexExists "services.storage.index_already_exists" 0x0101_0026 412;
    BadQuery "services.storage.invalid_search_query" 0x0101_0028 400;
    BadIndexName "services.storage.invalid_index_name" 0x0101_0029 400;
    BadCollectionName "services.storage.invalid_collection_name" 0x0101_002a 400;
    StrictMapping "services.storage.strict_mapping_rejection" 0x0101_002b 400;
    IncompleteUpdate "services.storage.incomplete_update" 0x0101_002e 400;
    ManyTargets "services.storage.invalid_multi_index_collection_usage" 0x0101_0031 400;
    /// Not Kuzzle's: a write that was accepted and is not applied in the time allowed; or a read's
    /// `after` that is not.
    NotApplied "services.storage.not_yet_applied" 0x0101_0080 504;
    /// Not Kuzzle's: the write may have been accepted or not.
    UnknownOutcome "services.storage.unknown_outcome" 0x0101_0081 503;
    /// Not Kuzzle's: a store will never take the write, which was undone as a whole and kept for an
    /// operator.
    DeadLettered "services.storage.dead_lettered" 0x0101_0082 500;
    /// Not Kuzzle's: the document has another version than the one asked for.
    VersionConflict "services.storage.version_conflict" 0x0101_0083 409;
    /// Not Kuzzle's: the log cannot take writes now.
    LogAway "services.storage.log_unavailable" 0x0101_0084 503;
    /// Not Kuzzle's: this deployment's view does not know the clause, or there is no view.
    Unsupported "services.storage.unsupported" 0x0101_0085 501;
    /// Not Kuzzle's: the write was accepted and waits behind a dead letter of its key.
    Parked "services.storage.parked" 0x0101_0086 409;
    /// Not Kuzzle's: a store would not take the write, and an operator gave it up.
    Discarded "services.storage.discarded" 0x0101_0087 409;
    InvalidType "api.assert.invalid_type" 0x0201_0001 400;
    InvalidArgument "api.assert.invalid_argument" 0x0201_0002 400;
    MissingArgument "api.assert.missing_argument" 0x0201_0003 400;
    ForbiddenArgument "api.assert.forbidden_argument" 0x0201_0005 400;
    EmptyArgument "api.assert.empty_argument" 0x0201_0006 400;
    UnexpectedArgument "api.assert.unexpected_argument" 0x0201_0007 400;
    BodyRequired "api.assert.body_required" 0x0201_0008 400;
    KoncordeUnsupported "api.assert.koncorde_restricted_keyword" 0x0201_000d 400;
    Koncorde "api.assert.koncorde_dsl_error" 0x0201_000e 400;
    UnsupportedProtocol "api.assert.unsupported_protocol" 0x0201_0010 500;
    Overloaded "api.process.overloaded" 0x0202_0002 503;
    NoController "api.process.controller_not_found" 0x0202_0004 404;
    NoAction "api.process.action_not_found" 0x0202_0005 404;
    ShuttingDown "api.process.shutting_down" 0x0202_0007 503;
    TooManyRequests "api.process.too_many_requests" 0x0202_0008 429;
    TooManyLogins "api.process.too_many_logins_requests" 0x0202_000D 429;
    AdminExists "api.process.admin_exists" 0x0202_0009 412;
    Incomplete "api.process.incomplete_multiple_request" 0x0202_000a 400;
    RequestTooLarge "network.http.request_too_large" 0x0301_0001 413;
    BadHttp "network.http.unexpected_error" 0x0301_0002 400;
    BadEncoding "network.http.unsupported_compression" 0x0301_0004 400;
    BadVerb "network.http.unsupported_verb" 0x0301_0006 400;
    NoUrl "network.http.url_not_found" 0x0301_0007 404;
    BadContent "network.http.unsupported_content" 0x0301_0008 400;
    BadVolatile "network.http.volatile_parse_failed" 0x0301_000b 400;
    BadBody "network.http.body_parse_failed" 0x0301_000c 400;
    BadFrame "network.websocket.unexpected_error" 0x0303_0001 400;
    BadSpecifications "validation.assert.invalid_specifications" 0x0501_000b 400;
    NoSpecifications "validation.assert.not_found" 0x0501_000c 404;
    FailedDocument "validation.check.failed_document" 0x0503_0001 400;
    FailedField "validation.check.failed_field" 0x0503_0002 400;
    TokenInvalid "security.token.invalid" 0x0701_0001 401;
    TokenTooLong "security.token.ttl_exceeded" 0x0701_0004 400;
    RefreshForbidden "security.token.refresh_forbidden" 0x0701_0008 401;
    /// Not Kuzzle's: who the caller is cannot be read now.
    SecurityStale "security.token.cannot_be_verified" 0x0701_0080 503;
    UnknownStrategy "security.credentials.unknown_strategy" 0x0702_0001 400;
    CredentialsRejected "security.credentials.rejected" 0x0702_0003 400;
    /// Not Kuzzle's: another user logs in by this name.
    UsernameTaken "security.credentials.username_taken" 0x0702_0080 412;
    Unauthorized "security.rights.unauthorized" 0x0703_0001 401;
    Forbidden "security.rights.forbidden" 0x0703_0002 403;
    UserExists "security.user.already_exists" 0x0704_0001 412;
    UnknownUser "security.user.not_found" 0x0704_0002 404;
    PreventOverwrite "security.user.prevent_overwrite" 0x0704_0006 400;
    UnknownRole "security.role.not_found" 0x0705_0001 404;
    LoginRequired "security.role.login_required" 0x0705_0002 400;
    RoleCannotBeDeleted "security.role.cannot_delete" 0x0705_0003 400;
    RoleInUse "security.role.in_use" 0x0705_0004 412;
    UnknownController "security.role.unknown_controller" 0x0705_0009 400;
    UnknownAction "security.role.unknown_action" 0x0705_000a 400;
    /// Not Kuzzle's, which answers with the store's error.
    RoleExists "security.role.already_exists" 0x0705_0080 412;
    UnknownProfile "security.profile.not_found" 0x0706_0001 404;
    ProfileCannotBeDeleted "security.profile.cannot_delete" 0x0706_0002 400;
    ProfileInUse "security.profile.in_use" 0x0706_0003 412;
    AnonymousRoleMissing "security.profile.missing_anonymous_role" 0x0706_0005 400;
    /// Not Kuzzle's, which answers with the store's error.
    ProfileExists "security.profile.already_exists" 0x0706_0080 412;
    CookieInvalid "security.cookie.invalid" 0x0707_0001 401;
    CookieUnsupported "security.cookie.unsupported" 0x0707_0002 500;
    /// Not Kuzzle's, whose pipes answer as they like: an endpoint that is asked before refuses.
    HookRefused "plugin.runtime.hook_refused" 0x0402_0080 400;
    /// Not Kuzzle's: that endpoint gives no answer.
    HookUnavailable "plugin.runtime.hook_unavailable" 0x0402_0081 503;
    /// Not Kuzzle's: that endpoint changed the request into one that cannot be accepted.
    HookAnswerInvalid "plugin.runtime.hook_answer_invalid" 0x0402_0082 502;
    LoginFailed "plugin.strategy.missing_user" 0x0403_0014 401;
    /// Not Kuzzle's number: the rule is ours.
    WeakPassword "plugin.kuzzle-plugin-auth-passport-local.weak_password" 0x0404_0080 400;
}

impl Id {
    pub(crate) fn row(self) -> &'static FaultRow {
        &TABLE[self as usize]
    }
}

/// An answer that is not the one hoped for. Small to pass around: the facts are boxed.
#[derive(Clone, Debug)]
pub(crate) struct Fault(Box<FaultFacts>);

#[derive(Clone, Debug)]
struct FaultFacts {
    id: Id,
    message: String,
    props: Vec<String>,
    errors: Option<Vec<Value>>,
    request: Option<RequestId>,
    token: Option<String>,
    retry_after: Option<u64>,
}

impl Fault {
    pub(crate) fn new(id: Id, message: impl Into<String>) -> Self {
        Self(Box::new(FaultFacts {
            id,
            message: message.into(),
            props: Vec::new(),
            errors: None,
            request: None,
            token: None,
            retry_after: None,
        }))
    }

    /// The values that the message names.
    pub(crate) fn props<const N: usize>(mut self, props: [&str; N]) -> Self {
        self.0.props = props.map(str::to_owned).to_vec();
        self
    }

    /// The same in other words.
    pub(crate) fn said(mut self, message: String) -> Self {
        self.0.message = message;
        self
    }

    /// The same under another id.
    pub(crate) fn renamed(mut self, id: Id) -> Self {
        self.0.id = id;
        self
    }

    /// What went wrong with each of many.
    pub(crate) fn errors(mut self, errors: Vec<Value>) -> Self {
        self.0.errors = Some(errors);
        self
    }

    /// The write it is about, by our own id and token.
    pub(crate) fn about(mut self, request: Option<RequestId>, token: Option<String>) -> Self {
        (self.0.request, self.0.token) = (request, token);
        self
    }

    pub(crate) fn retry_after(mut self, seconds: Option<u64>) -> Self {
        self.0.retry_after = seconds;
        self
    }

    pub(crate) fn id(&self) -> Id {
        self.0.id
    }

    pub(crate) fn status(&self) -> u16 {
        self.0.id.row().status
    }

    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.0.token.as_deref()
    }

    /// Seconds after which it may be tried again.
    pub(crate) fn after_seconds(&self) -> Option<u64> {
        self.0.retry_after
    }

    pub(crate) fn missing(argument: &str) -> Self {
        Self::new(
            Id::MissingArgument,
            format!("the argument \"{argument}\" is missing"),
        )
        .props([argument])
    }

    pub(crate) fn wrong_type(argument: &str, expected: &str) -> Self {
        Self::new(
            Id::InvalidType,
            format!("the argument \"{argument}\" is of a wrong type: expected is {expected}"),
        )
        .props([argument, expected])
    }

    pub(crate) fn invalid(argument: &str, expected: &str) -> Self {
        Self::new(
            Id::InvalidArgument,
            format!("the argument \"{argument}\" is invalid: expected is {expected}"),
        )
        .props([argument, expected])
    }
}

impl Serialize for Fault {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let facts = &*self.0;
        let row = facts.id.row();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("message", &facts.message)?;
        map.serialize_entry("status", &row.status)?;
        map.serialize_entry("id", row.name)?;
        map.serialize_entry("code", &row.code)?;
        map.serialize_entry("props", &facts.props)?;
        if let Some(errors) = &facts.errors {
            map.serialize_entry("errors", errors)?;
            map.serialize_entry("count", &errors.len())?;
        }
        if let Some(request) = &facts.request {
            map.serialize_entry("request_id", request)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests;
