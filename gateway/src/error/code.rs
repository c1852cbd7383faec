//! Every stable error code: its status, what it means, whether anything happened, and what to do.
//! The one table from which responses, the pages under `docs/errors` and the OpenAPI document come.
//! A code that was ever released keeps its name and meaning.

/// What a client may assume about the write it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing was written and nothing will be.
    Nothing,
    /// The request is in the log and its verdict is final.
    Decided,
    /// The request may or may not be in the log.
    Unknown,
    /// It was accepted and its verdict is not known yet.
    Pending,
    /// The call was no write.
    Read,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub code: Code,
    /// On the wire, for ever.
    pub name: &'static str,
    pub status: u16,
    pub title: &'static str,
    pub effect: Effect,
    pub meaning: &'static str,
    pub hint: &'static str,
}

macro_rules! codes {
    ($($variant:ident $name:literal $status:literal $effect:ident $title:literal, $meaning:literal, $hint:literal;)*) => {
        /// The codes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($variant),* }

        /// All rows, in the order of [`Code`].
        pub const TABLE: &[Row] = &[
            $(Row { code: Code::$variant, name: $name, status: $status, title: $title, effect: Effect::$effect, meaning: $meaning, hint: $hint }),*
        ];
    };
}

codes! {
    BadRequest "bad_request" 400 Nothing "Bad request",
        "The request line, a path segment or the query cannot be understood.",
        "Look at `detail`: it names the part.";
    BadHeader "bad_header" 400 Nothing "Bad header",
        "A request header has an invalid value.",
        "Look at `detail`: it names the header and the form expected.";
    EmptyBody "empty_body" 400 Nothing "Empty body",
        "The call needs a JSON body and got none.",
        "Send the bare request as JSON, with `Content-Type: application/json`.";
    NotJson "not_json" 400 Nothing "Not JSON",
        "The body is not JSON as RFC 8259 defines it.",
        "`detail` names the byte offset; `pointer` the place in the document.";
    InvalidUtf8 "invalid_utf8" 400 Nothing "Invalid UTF-8",
        "The body holds bytes that are not UTF-8, or a string escape that stands for no character.",
        "Encode the body as UTF-8, without a byte order mark.";
    DuplicateKey "duplicate_key" 400 Nothing "Duplicate key",
        "An object names the same member twice, so it is not clear which one is meant.",
        "Send each member once; `pointer` names it.";
    TooDeep "too_deep" 400 Nothing "Nested too deeply",
        "The body nests objects and arrays deeper than the gateway takes.",
        "Flatten the document.";
    NumberOutOfRange "number_out_of_range" 400 Nothing "Number out of range",
        "A whole number fits neither 64-bit form, or a number is beyond what a double can hold: it could not be stored as it was sent.",
        "Send it as a string.";
    IncompleteBody "incomplete_body" 400 Nothing "Incomplete body",
        "The connection ended, or the body's framing broke, before the body was whole.",
        "Send the request again; check that Content-Length is the body's length.";
    BadGzip "bad_gzip" 400 Nothing "Damaged gzip",
        "The body says `Content-Encoding: gzip` and cannot be unpacked.",
        "Lines answered before this problem are accepted; send the others again.";
    BadToken "bad_token" 400 Read "Bad token",
        "An `after` token is malformed, was not signed by this deployment, or belongs to another principal.",
        "Use the token exactly as the write's answer gave it.";
    ExpiredToken "expired_token" 400 Read "Expired token",
        "An `after` token has expired.",
        "Read without it: what it stands for was resolved long ago, or ask for the request by its id.";
    BadRequestId "bad_request_id" 400 Read "Bad request id",
        "The text is not a request id.",
        "Use `request_id` exactly as the write's answer gave it.";
    Unauthenticated "unauthenticated" 401 Nothing "Not authenticated",
        "The call needs a caller that is authenticated, or the credential that it shows is not one of this deployment, has ended, or was taken away.",
        "Log in (`POST /_login/local`) and send the session as `Authorization: Bearer …`, or send an API key.";
    ForeignOrigin "foreign_origin" 403 Nothing "Page of a foreign origin",
        "A web page of an origin that is not allowed asked for a WebSocket, or for something that may change what is stored.",
        "Add the page's origin, as `detail` names it, to `gateway.allowed_origins`. Programs that are no browsers send no `Origin`.";
    Forbidden "forbidden" 403 Decided "Forbidden",
        "The call is not among the caller's rights at this place, or the caller is not the one who may do this: the owner, for most operations.",
        "`rule` names what the call requires: a right (`controller:action`), or the operation's own rule.";
    Revoked "revoked" 403 Decided "Revoked",
        "The write was accepted while it could not be asked whether its caller may do it (`confirmed` was `false`), and the caller may not: the session or key has ended, the user is gone, or the right is. Nothing was written.",
        "Log in again, and send the write again if it is still wanted: under another Idempotency-Key, if it had one.";
    UnknownRoute "unknown_route" 404 Nothing "Unknown route",
        "No route matches this path.",
        "`GET /docs` shows every route.";
    UnknownOperation "unknown_operation" 404 Nothing "Unknown operation",
        "The catalog has no operation of this name.",
        "`detail` names the nearest one; `GET /openapi.json` lists them all.";
    UnknownCollection "unknown_collection" 404 Nothing "Unknown collection",
        "The collection was never created.",
        "Create it with `PUT /v1/collections/{index}/{collection}`; those of the catalog with `consign catalog migrate`.";
    UnknownAudit "unknown_audit" 404 Read "Unknown audit",
        "This gateway has carried out no audit of this id, or has forgotten it.",
        "Ask the gateway that began it, or begin another with `POST /v1/audits`.";
    UnknownTable "unknown_table" 404 Read "Unknown table",
        "The catalog declares no table of this name.",
        "`detail` names the nearest one.";
    UnknownRequest "unknown_request" 404 Read "Unknown request",
        "No request of this id is remembered or waiting in the log.",
        "Ids are remembered as long as the ledger keeps them; a request that was answered with an error may never have been accepted, and one that another gateway answered `spooled` is known here once it is shipped.";
    UnknownReplay "unknown_replay" 404 Read "Unknown job",
        "No job of this id is kept.",
        "Jobs that move dead letters are kept for 90 days; `POST /v1/replays` answered with the id.";
    Missing "missing" 404 Decided "Missing",
        "There is no such document or row (or the collection was dropped since).",
        "Create it first, or use an operation that creates what is missing.";
    MethodNotAllowed "method_not_allowed" 405 Nothing "Method not allowed",
        "The path exists, but not with this method.",
        "The `Allow` header lists the methods.";
    TooSlow "too_slow" 408 Nothing "Too slow",
        "The body did not arrive within the time allowed, or slower than the least rate.",
        "Send the request again over a better connection, or in smaller parts.";
    Exists "exists" 409 Decided "Exists already",
        "There is a document of this id already.",
        "Use an operation that replaces or updates, or another id.";
    Superseded "superseded" 409 Decided "Superseded",
        "A later write of the same entity was applied first.",
        "Read the current state and repeat the request if it still applies.";
    ReplayEnded "replay_ended" 409 Nothing "The job has ended",
        "A job that is done or cancelled can neither be paused nor resumed nor cancelled.",
        "`GET /v1/replays/{id}` shows the result of each item; make another job for what is left.";
    IdempotencyInFlight "idempotency_in_flight" 409 Nothing "First request still in flight",
        "The first request under this Idempotency-Key is being accepted right now.",
        "Repeat the same request after `Retry-After` seconds to get its answer.";
    AuditRunning "audit_running" 409 Read "An audit is under way",
        "This gateway carries out one audit at a time.",
        "Wait for the one that runs, or ask another gateway.";
    CollectionDiffers "collection_differs" 409 Nothing "Collection differs",
        "The collection exists with other mappings or settings, and nothing is overwritten.",
        "Send the ones that stand, leave them out, or choose another name.";
    HistoryGone "history_gone" 410 Read "Not kept so far back",
        "The log no longer holds the changes of that time.",
        "`kept_from` says from when on it holds them; `worker.history_records` is how many.";
    Version "version" 412 Decided "Version does not match",
        "The document's `_version` is not the one that If-Match or `if_version` asked for.",
        "Read the document again and repeat the change on its current version.";
    BodyTooLarge "body_too_large" 413 Nothing "Body too large",
        "The body, or a line of a bulk, is larger than the gateway takes.",
        "Send less at once; endless input goes through `_bulk`, line by line.";
    GzipRatio "gzip_ratio" 413 Nothing "Unpacks to too much",
        "The gzip body unpacks to many times its size, beyond the ratio allowed.",
        "Lines answered before this problem are accepted; send the others unpacked.";
    UnsupportedMediaType "unsupported_media_type" 415 Nothing "Unsupported media type",
        "The Content-Type is not one this route takes.",
        "`application/json` for single requests, `application/x-ndjson` for `_bulk`; UTF-8.";
    UnsupportedEncoding "unsupported_encoding" 415 Nothing "Unsupported content encoding",
        "The Content-Encoding is not one this route takes.",
        "`_bulk` takes gzip; other routes take bodies as they are.";
    Invalid "invalid" 422 Nothing "Invalid request",
        "The request breaks rules of its operation's schema.",
        "`errors` lists each rule with a JSON pointer into the request; `GET /openapi.json` has the schema.";
    BadName "bad_name" 422 Nothing "Bad name",
        "An index, collection or document id has a form that names may not have.",
        "Index and collection: 1 to 100 of a-z, 0-9, `_` and `-`, starting with a letter or digit. Document: 1 to 512 bytes without control characters.";
    BadMappings "bad_mappings" 422 Nothing "Bad mappings",
        "The mappings or settings of the collection are not ones that the view takes.",
        "`pointer` names the place.";
    BadSearch "bad_search" 400 Read "Bad search",
        "The search is malformed.",
        "`pointer` names the place.";
    BadKey "bad_key" 422 Read "Bad row key",
        "The path does not hold one segment for each key column of the table, in the column's type.",
        "`detail` lists the key columns in order.";
    IdempotencyKeyReused "idempotency_key_reused" 422 Decided "Idempotency-Key reused",
        "Another request was made under this Idempotency-Key.",
        "Use a new key for a new request; repeat the first one to the byte to get its answer.";
    HookRefused "hook_refused" 422 Nothing "Refused by a hook",
        "An endpoint that the deployment asks before it accepts such a request refuses it.",
        "`hook` names the endpoint, `detail`, `rule` and `pointer` are what it says; the status is 422, or what it says of 400, 403, 404 and 409.";
    TooLarge "too_large" 422 Decided "Result too large",
        "The documents before and after would not fit into one record of the log.",
        "Split the document.";
    Unmappable "unmappable" 422 Decided "Does not fit the mapping",
        "The collection's mapping or a table's column would not take a value.",
        "`pointer` names the value: in the document, or in the row, where it begins with the column.";
    Rule "rule" 422 Decided "Rule broken",
        "A rule of the operation does not hold for the current documents.",
        "`detail` names the rule.";
    AnswerTooLarge "answer_too_large" 422 Read "Answer too large",
        "The answer would exceed the size limit.",
        "Ask for fewer documents at once.";
    BadCatalog "bad_catalog" 422 Nothing "Bad catalog",
        "The reloaded definitions are invalid, or one of their routes conflicts: the catalog in use stays.",
        "`detail` names file, line and operation; `consign catalog check` explains it.";
    BadUpload "bad_upload" 400 Nothing "Bad file",
        "The file of an upload is not what the operation takes.",
        "`line` and `column` say where; nothing of the file was carried out.";
    NotInBulk "not_in_bulk" 422 Nothing "Not in a bulk",
        "Operations that hold many documents themselves cannot be lines of a bulk.",
        "Send one line per document to the single form of the operation.";
    RateLimited "rate_limited" 429 Decided "Rate limit exceeded",
        "The operation's rate limit is exceeded.",
        "`rule` names the limit. Wait before asking again.";
    TooManyRequests "too_many_requests" 429 Nothing "Too many requests",
        "The caller, or callers of this address, made more requests a second than its profiles allow.",
        "Repeat after `Retry-After` seconds, and more slowly.";
    Overloaded "overloaded" 429 Nothing "Overloaded",
        "The gateway is at its limit of concurrent requests.",
        "Nothing was written. Repeat after `Retry-After` seconds.";
    QueueFull "queue_full" 429 Nothing "The queue to the log is full",
        "Writes arrive faster than the log takes them.",
        "Nothing was written. Repeat after `Retry-After` seconds.";
    HeadTooLarge "head_too_large" 431 Nothing "Head too large",
        "The address or the header fields of the request are larger or more than the gateway takes.",
        "Send what is large in the body; `gateway.header_limit_bytes` and `gateway.max_headers` are the bounds.";
    Parked "parked" 409 Pending "Parked",
        "The request was accepted and waits behind a dead letter of its key; it is applied in its turn when that is replayed or discarded.",
        "Do not repeat it. `behind` names the request it waits for; `GET /v1/requests/{id}` shows its progress.";
    Discarded "discarded" 409 Decided "Discarded",
        "A store would not take the request, and an operator gave it up.",
        "`detail` says who and why; a new request may take its place.";
    DeadLettered "dead_lettered" 500 Decided "Dead-lettered",
        "The request was accepted, but a store will never take it as it stands; it was undone as a whole and kept as a dead letter.",
        "An operator finds it with `consign dlq list` and may replay it; do not repeat it unchanged.";
    Damaged "damaged" 500 Read "Stored data is damaged",
        "A store holds something that cannot be read back.",
        "Contact an operator, with `detail`.";
    Internal "internal" 500 Unknown "Internal error",
        "An unexpected failure; the gateway's log has the details.",
        "If it was a write, repeat it with the same Idempotency-Key.";
    UnsupportedSearch "unsupported_search" 501 Read "Search not supported here",
        "The search uses a clause that this deployment's view does not know; a wrong answer would be worse.",
        "`pointer` names the clause. A view on Elasticsearch knows all of them.";
    NoView "no_view" 501 Read "No search in this deployment",
        "This deployment keeps documents but has no view to search them.",
        "Read by id, or configure a view.";
    HookAnswerInvalid "hook_answer_invalid" 502 Nothing "A hook's change cannot be accepted",
        "An endpoint that is asked before the request is accepted changed it into one that breaks the operation's rules, or that is about something else.",
        "Nothing is wrong with the request. `hook` names the endpoint: contact an operator.";
    HookUnavailable "hook_unavailable" 503 Nothing "A hook gives no answer",
        "An endpoint that must be asked before the request is accepted cannot be reached, answers too late, or gives no answer that can be used.",
        "Nothing was written. Repeat after `Retry-After` seconds. `hook` names the endpoint, for an operator.";
    LogUnavailable "log_unavailable" 503 Nothing "The log is out of reach",
        "The log cannot take the record now, and this gateway has no spool. It was not written.",
        "Repeat after `Retry-After` seconds.";
    LogDenied "log_denied" 503 Nothing "The log denies this gateway",
        "The log rejects this gateway: a wrong password, or a certificate that is not trusted. This is no outage, and nothing is spooled behind it. (A gateway without a spool answers `log_unavailable`, whatever keeps the log from it.)",
        "Contact an operator: the credentials of `kafka.properties` are wrong. Another gateway may take the write.";
    SpoolFull "spool_full" 503 Nothing "The spool is full",
        "The log is out of reach, and what waits for it fills the spool of this gateway, or its disk takes nothing more.",
        "Nothing was written. Repeat after `Retry-After` seconds, or at another gateway. An operator finds the bounds in `spool.cap_bytes` and `spool.reserve_bytes`.";
    SpoolUnavailable "spool_unavailable" 503 Nothing "The spool is out of reach",
        "The log is away, and so is the object store in which this gateway keeps what waits for it. What was accepted before is not lost: it is written when either of them is back.",
        "Nothing was written. Repeat after `Retry-After` seconds, or at another gateway.";
    KeyLocked "key_locked" 503 Nothing "The queue of the key is full",
        "A dead letter of this key waits for an operator, and the limit of events waiting behind it is reached. Other keys are not affected.",
        "Nothing was written. Repeat after `Retry-After` seconds. An operator finds the dead letter with `consign dlq list --key`; `gateway.key_queue_limit` is the bound.";
    UnknownOutcome "unknown_outcome" 503 Unknown "Outcome unknown",
        "The log did not acknowledge the record in time: it may have been written, or not.",
        "Ask for `request_id` later. To retry without writing twice, send the write with an Idempotency-Key from the start and repeat it with the same key and body.";
    StoreUnavailable "store_unavailable" 503 Read "A store is out of reach",
        "A store that this answer needs cannot be reached.",
        "Repeat after `Retry-After` seconds. Writes without `wait` are not affected.";
    SetUpRequired "set_up_required" 503 Nothing "No administrator yet",
        "Others than this machine can reach the gateway, and there is no administrator: it serves nothing but health until there is.",
        "Make the first administrator: POST /_createFirstAdmin with the header X-Set-Up-Code, whose value the gateway printed when it started.";
    SecurityStale "security_stale" 503 Nothing "Rights cannot be read",
        "The caller's identity or rights cannot be read now, and what was read last is too old to be used. Writes by callers whom the gateway knew are taken all the same, with `confirmed: false`, unless they also read, wait behind others, or need an answer from elsewhere first.",
        "Repeat after `Retry-After` seconds: the record store must be in reach of the gateway.";
    NotMigrated "not_migrated" 503 Read "A store is not prepared",
        "Tables, indices or topics are missing or differ from what they must be.",
        "An operator runs `consign catalog migrate`.";
    ShuttingDown "shutting_down" 503 Nothing "Shutting down",
        "This gateway is about to end and takes nothing new.",
        "Repeat at once: another gateway answers.";
    LookupIncomplete "lookup_incomplete" 503 Read "Too much waiting to look through",
        "The request has no verdict yet, and more events wait in its partition than are looked through for one answer.",
        "Ask again after `Retry-After` seconds.";
    NotYet "not_yet" 504 Pending "Not applied yet",
        "What the `after` tokens stand for was not applied (or searchable) in the time allowed; or a file was sent under an Idempotency-Key, and whether it is the first under that key is not decided yet.",
        "`progress` says how far it is. Ask again, or send the same file again.";
}

impl Code {
    /// Its row of the table.
    pub fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// The code of a name on the wire.
    pub fn named(name: &str) -> Option<Self> {
        TABLE
            .iter()
            .find(|row| row.name == name)
            .map(|row| row.code)
    }
}

impl Row {
    /// The page of the code, as `docs/errors/<name>.md` holds it and `/docs/errors/<name>` serves
    /// it.
    pub fn page(&self) -> String {
        let effect = match self.effect {
            Effect::Nothing => "Nothing was written, and nothing will be: repeating is safe.",
            Effect::Decided => "The request was decided; the verdict is final.",
            Effect::Unknown => {
                "Unknown: the write may have happened. Repeat only with the same Idempotency-Key."
            }
            Effect::Pending => "What was waited for goes on; only the waiting ended.",
            Effect::Read => "None: the call writes nothing.",
        };
        format!(
            "# `{}`\n\n{} · HTTP {}\n\n{}\n\n**Effect.** {effect}\n\n**What to do.** {}\n",
            self.name, self.title, self.status, self.meaning, self.hint
        )
    }
}
