//! How each route is described. Only words: what serves a route is said in the table of routes.

use serde_json::{Value, json};

/// A body, coming or going.
#[derive(Clone, Copy, Debug)]
pub(crate) enum DocContent {
    None,
    Json(&'static str),
    Optional(&'static str),
    Lines,
    Text(&'static str),
}

/// The description of one route.
#[derive(Debug)]
pub(crate) struct Doc {
    pub id: &'static str,
    pub summary: &'static str,
    pub tag: &'static str,
    pub parameters: &'static [&'static str],
    pub body: DocContent,
    pub answers: &'static [(u16, &'static str, DocContent)],
}

impl Doc {
    /// The parameters that stand in the query.
    pub(crate) fn query(&self) -> Vec<&'static str> {
        let names = self.parameters.iter().copied();
        names.filter(|name| is_in_query(name)).collect()
    }
}

use DocContent::{Json, Lines, None as Nothing, Optional, Text};

macro_rules! docs {
    ($($name:ident $id:literal $tag:literal $summary:literal [$($parameter:literal),*] $body:expr, [$($answer:expr),*];)*) => {
        $(pub(crate) const $name: Doc =
            Doc { id: $id, summary: $summary, tag: $tag, parameters: &[$($parameter),*], body: $body, answers: &[$($answer),*] };)*
    };
}

docs! {
    OPERATIONS "operations" "reads" "What there is to ask for: routes, keys, documents, tables, parts, unique values" []
        Nothing, [(200, "By name", Json("Operations"))];
    WRITE "write" "writes" "Ask for an operation; the body is its bare request" ["after", "prefer", "refresh", "if-match", "idempotency-key", "traceparent"]
        Json("Request"), [(202, "Accepted: safe in the log", Json("Taken")), (200, "Applied (with `Prefer: wait`)", Json("Taken"))];
    BULK "bulk" "writes" "Ask for an operation many times: a bare request a line, an answer a line, in order" ["after", "idempotency-key", "traceparent"]
        Lines, [(200, "An answer for each line, then a summary", Lines)];
    REQUEST "request" "reads" "What became of a request" []
        Nothing, [(200, "Its status", Json("RequestStatus"))];
    EXPLAIN "explain" "reads" "A request's way from acceptance to notification, from the log" []
        Nothing, [(200, "Its steps, and what is next", Json("Explanation"))];
    COLLECTIONS "collections" "reads" "All collections" []
        Nothing, [(200, "By name", Json("Collections"))];
    CREATE_COLLECTION "createCollection" "writes" "Create a collection if it does not exist; overwrites nothing" []
        Optional("CollectionRequest"), [(201, "Made", Json("Collection")), (200, "It stands", Json("Collection"))];
    DOCUMENT "document" "reads" "One document, from the record; as it was `at` a time or after a write, from the log" ["after", "at", "prefer"]
        Nothing, [(200, "The document; ETag is its version", Json("Document"))];
    HISTORY "history" "reads" "Every change of a document that the log keeps" []
        Nothing, [(200, "The changes, the newest last", Json("DocumentHistory"))];
    MGET "mget" "reads" "Documents by their ids, from the record" ["after", "prefer"]
        Json("MgetRequest"), [(200, "Those that exist, and the ids of those that do not", Json("MgetAnswer"))];
    IDS "ids" "reads" "Ids of all documents of a collection, from the record: a page behind an id" ["after", "prefer"]
        Json("IdsRequest"), [(200, "At most as many as asked for; none at the end", Json("IdsAnswer"))];
    COMPARE "compare" "reads" "Of which ids record and view hold different documents" ["after", "prefer"]
        Json("MgetRequest"), [(200, "Those, and the ids that the record does not have", Json("CompareAnswer"))];
    COUNT "count" "reads" "How many documents match, from the view" ["after", "prefer"]
        Optional("CountRequest"), [(200, "The count", Json("CountAnswer"))];
    SEARCH "search" "reads" "Documents that match, from the view" ["after", "prefer"]
        Optional("SearchRequest"), [(200, "Hits and how many match in all", Json("SearchAnswer"))];
    ROW "row" "reads" "One row of an operation's table; a path segment for each key column" ["after", "prefer"]
        Nothing, [(200, "The row, key columns first", Json("Row"))];
    DEAD_LETTERS "deadLetters" "dead letters" "What is held and waits for a person, in the order in which it failed last" ["request", "key", "operation", "code", "fingerprint", "store", "since", "until", "text", "field", "limit"]
        Nothing, [(200, "A line for each", Json("DeadLetters"))];
    DEAD_LETTER "deadLetter" "dead letters" "One dead letter: its failures, its event, and what a replay would change now" []
        Nothing, [(200, "The dead letter", Json("DeadLetter"))];
    STATUS "status" "operations" "The whole pipeline in one look: what waits where and since when, what is held, what to do next" []
        Nothing, [(200, "As far as it can be read", Json("SystemStatus"))];
    EXPLAIN_RIGHT "explainRight" "operations" "May a user do something in a place: by which policy, or what is missing" ["user", "right", "place"]
        Nothing, [(200, "Yes or no, and why", Json("ExplainedRight"))];
    SECURITY_LOG "securityLog" "operations" "Security events in the order of the log, from an offset on or the last ones" ["from", "last", "limit", "type", "user", "address", "since", "until"]
        Nothing, [(200, "Those that match, and where to go on", Json("SecurityEvents"))];
    VERIFY_SECURITY_LOG "verifySecurityLog" "operations" "Are the chains of security events whole: is none missing, moved, changed or forged" []
        Nothing, [(200, "What was found", Json("ChainReport"))];
    OWN_SESSIONS "ownSessions" "operations" "The caller's own sessions, in pages" ["behind"]
        Nothing, [(200, "Those that go on", Json("UserSessions"))];
    END_OWN_SESSION "endOwnSession" "operations" "End a session of the caller, with its subscriptions" []
        Nothing, [(200, "No gateway honours it", Json("EndedSession"))];
    FLOODS "floods" "dead letters" "Partitions that wait because too many events would become dead letters" []
        Nothing, [(200, "Those that wait, and why", Json("Floods"))];
    PASS_FLOOD "passFlood" "dead letters" "Let dead letters of an operation or a cause happen, however many come, for a while" []
        Json("FloodPass"), [(200, "Until when they pass", Json("FloodPermission"))];
    CREATE_REPLAY "createReplay" "dead letters" "Replay, mend or give up dead letters: a job; with `dry_run`, only what would come of it" []
        Json("ReplayOrder"), [(202, "The job has begun", Json("Replay")), (200, "What would come of it", Json("DryRun"))];
    REPLAYS "replays" "dead letters" "The newest jobs, without their items" []
        Nothing, [(200, "The newest first", Json("Replays"))];
    REPLAY "replay" "dead letters" "How far a job is, and what became of its items, from `from` on" ["from", "limit"]
        Nothing, [(200, "The job", Json("Replay"))];
    PAUSE_REPLAY "pauseReplay" "dead letters" "Nothing more is moved until the job is resumed" []
        Nothing, [(200, "The job", Json("Replay"))];
    RESUME_REPLAY "resumeReplay" "dead letters" "Go on with a job that was paused, or whose gateway is gone" []
        Nothing, [(200, "The job", Json("Replay"))];
    CANCEL_REPLAY "cancelReplay" "dead letters" "End a job; what it moved stays moved" []
        Nothing, [(200, "The job", Json("Replay"))];
    BEGIN_AUDIT "beginAudit" "operations" "Begin an audit: what the log says against what the stores hold, beside live traffic" ["sample", "partition"]
        Nothing, [(202, "It has begun", Json("Audit"))];
    AUDIT "audit" "operations" "How far an audit is, and what it found" []
        Nothing, [(200, "The audit", Json("Audit"))];
    REPAIR "repair" "operations" "Let the workers mend what an audit found: silently, at new versions" ["reason"]
        Nothing, [(202, "Asked for", Json("Repair"))];
    PURGE_MARKERS "purgeMarkers" "operations" "Let the workers purge a page of deletion markers that no late write can need any longer" []
        Json("MarkerPurge"), [(202, "Asked for", Json("PurgedMarkers")), (200, "What would be asked for", Json("PurgedMarkers"))];
    RELOAD_CATALOG "reloadCatalog" "operations" "Read the definitions of operations again, and go by them from now on" []
        Nothing, [(200, "The version that is in use now", Json("ReloadedCatalog"))];
    UPLOAD_STATUS "uploadStatus" "reads" "How far an upload is, in Sunbird's envelope" []
        Nothing, [(200, "Its state and counts", Json("Anything"))];
    UPLOAD_RESULTS "uploadResults" "reads" "The lines of an upload that were carried out, each with `Status` and `Remarks`" []
        Nothing, [(200, "A file as it was uploaded, with two columns more", Text("text/csv"))];
    OPENAPI "openapi" "service" "This document" []
        Nothing, [(200, "OpenAPI 3.1", Json("Anything"))];
    DOCS "docs" "service" "This document as a page, with calls to try" []
        Nothing, [(200, "A page", Text("text/html"))];
    ERROR_PAGE "errorPage" "service" "What an error code means and what to do" []
        Nothing, [(200, "A page", Text("text/markdown"))];
    HEALTHZ "healthz" "service" "Is the process alive?" []
        Nothing, [(200, "It is", Json("Anything"))];
    READYZ "readyz" "service" "Is everything it needs within reach, and which promises are weakened by which setting?" []
        Nothing, [(200, "Ready", Json("Readiness")), (503, "Something is missing", Json("Readiness"))];
    METRICS "metrics" "service" "Metrics, in Prometheus' text form" []
        Nothing, [(200, "Metrics", Text("text/plain"))];
}

/// The others are headers.
fn is_in_query(name: &str) -> bool {
    !matches!(
        name,
        "prefer" | "if-match" | "idempotency-key" | "traceparent"
    )
}

/// A parameter by its short name.
pub(crate) fn described_parameter(name: &str) -> Value {
    let (schema, what) = match name {
        "after" => (
            json!({"type": "array", "items": {"type": "string"}}),
            "Tokens of writes that the answer must show, or behind which a write is accepted; repeatable",
        ),
        "at" => (
            json!({"type": "string"}),
            "A time (RFC 3339, or Unix milliseconds), or the token of a write of this document",
        ),
        "refresh" => (
            json!({"type": "string", "enum": ["wait_for"]}),
            "Wait until it is searchable too",
        ),
        "behind" => (json!({"type": "string"}), "`next` of the page before"),
        "reason" => (json!({"type": "string"}), "The reason, kept in the log"),
        "user" => (
            json!({"type": "string"}),
            "The user's id; `anonymous` for callers without a credential",
        ),
        "right" => (
            json!({"type": "string", "examples": ["document:create"]}),
            "Controller and action, or an operation",
        ),
        "place" => (
            json!({"type": "string", "examples": ["shop/items"]}),
            "`index/collection`, `index`, `*` for what no restriction reaches; without it: what names no place",
        ),
        "sample" => (
            json!({"type": "integer", "minimum": 1}),
            "Sample one item in this many",
        ),
        "partition" => (
            json!({"type": "array", "items": {"type": "integer"}}),
            "Only this partition; repeatable",
        ),
        "prefer" => (
            json!({"type": "string", "examples": ["wait=5"]}),
            "`wait=N`: wait up to N seconds (RFC 7240)",
        ),
        "if-match" => (
            json!({"type": "string", "examples": ["\"3\""]}),
            "The `_version` the document must have",
        ),
        "idempotency-key" => (
            json!({"type": "string", "maxLength": 255}),
            "Repeats under the same key are one write",
        ),
        "request" => (
            json!({"type": "array", "items": {"type": "string"}}),
            "Only those of these requests; repeatable",
        ),
        "since" | "until" => (
            json!({"type": "string", "format": "date-time"}),
            "Only what failed last at this time or later (`since`), or before it (`until`)",
        ),
        "limit" => (
            json!({"type": "integer"}),
            "At most this many, the newest first",
        ),
        "from" => (json!({"type": "integer"}), "Items from this one on"),
        "text" => (
            json!({"type": "string"}),
            "Only with this in the message or in the event",
        ),
        "field" => (
            json!({"type": "array", "items": {"type": "string"}}),
            "Only with this in the request: `/POINTER`, or `/POINTER=VALUE`; repeatable",
        ),
        "key" | "operation" | "code" | "fingerprint" | "store" => {
            (json!({"type": "string"}), "Only those of this one")
        }
        _ => (json!({"type": "string"}), "W3C trace context"),
    };
    let shown = match name {
        "prefer" => "Prefer",
        "if-match" => "If-Match",
        "idempotency-key" => "Idempotency-Key",
        other => other,
    };
    let place = if is_in_query(name) { "query" } else { "header" };
    let mut parameter = json!({"name": shown, "in": place, "schema": schema, "description": what});
    if matches!(name, "after" | "request" | "partition") {
        parameter["explode"] = true.into();
    }
    parameter
}
