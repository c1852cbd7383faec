//! A row per answer, the bodies as servers gave them.

use super::{
    Item, Trouble, Whole, classify_bulk, classify_item, failed_definition, over_large,
    refused_error, request_failure,
};
use store::StoreError;

fn kind(item: &Item) -> &str {
    match item {
        Item::Done => "done",
        Item::Conflict => "conflict",
        Item::Transient(_) => "transient",
        Item::Permanent { code, .. } => code,
        Item::Split { .. } => "split",
    }
}

fn trouble(kind: &str, reason: &str) -> Trouble {
    Trouble {
        kind: kind.to_owned(),
        reason: Some(reason.to_owned()),
        ..Trouble::default()
    }
}

const OVER_LARGE: &str = "rejected execution of coordinating operation [coordinating_and_primary_bytes=0, replica_bytes=0, all_bytes=0, \
    coordinating_operation_bytes=73400807, max_coordinating_bytes=51897958]";
const BUSY: &str = "rejected execution of coordinating operation [coordinating_and_primary_bytes=50000000, replica_bytes=0, \
    all_bytes=50000000, coordinating_operation_bytes=5000000, max_coordinating_bytes=51897958]";

#[test]
fn every_item_has_its_row() {
    for (status, error, reason, expected) in [
        (200, "", "", "done"),
        (201, "", "", "done"),
        (
            409,
            "version_conflict_engine_exception",
            "[1]: version conflict, current version [12] is higher or equal to the one provided [9]",
            "conflict",
        ),
        (
            400,
            "document_parsing_exception",
            "[1:6] failed to parse field [n] of type [integer]",
            "document_parsing_exception",
        ),
        (
            400,
            "mapper_parsing_exception",
            "failed to parse",
            "mapper_parsing_exception",
        ),
        (
            400,
            "strict_dynamic_mapping_exception",
            "mapping set to strict",
            "strict_dynamic_mapping_exception",
        ),
        (
            400,
            "illegal_argument_exception",
            "if _id is specified it must not be empty",
            "illegal_argument_exception",
        ),
        (
            400,
            "invalid_index_name_exception",
            "Invalid index name",
            "invalid_index_name_exception",
        ),
        (
            500,
            "null_pointer_exception",
            "the return value of delegate() is null",
            "split",
        ),
        (500, "class_cast_exception", "not a map", "split"),
        (
            500,
            "fail_processor_exception",
            "a pipeline says no",
            "split",
        ),
        (
            404,
            "resource_not_found_exception",
            "Inference id [x] not found for field [v]",
            "resource_not_found_exception",
        ),
        (500, "engine_closed_exception", "closed", "transient"),
        (400, "index_closed_exception", "closed", "transient"),
        (
            404,
            "index_not_found_exception",
            "no such index [x] and [require_alias] request flag is [true]",
            "transient",
        ),
        (
            404,
            "shard_not_found_exception",
            "no such shard",
            "transient",
        ),
        (
            401,
            "security_exception",
            "missing authentication credentials",
            "transient",
        ),
        (
            403,
            "cluster_block_exception",
            "index [x] blocked by: [FORBIDDEN/8/index write (api)];",
            "transient",
        ),
        (403, "security_exception", "not allowed", "transient"),
        (408, "timeout_exception", "late", "transient"),
        (413, "", "too large", "split"),
        (
            429,
            "cluster_block_exception",
            "index [x] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark];",
            "transient",
        ),
        (429, "es_rejected_execution_exception", BUSY, "transient"),
        (429, "es_rejected_execution_exception", OVER_LARGE, "split"),
        (
            429,
            "circuit_breaking_exception",
            "Data too large",
            "transient",
        ),
        (500, "some_exception", "a bug", "transient"),
        (
            503,
            "unavailable_shards_exception",
            "primary shard is not active",
            "transient",
        ),
        (
            503,
            "process_cluster_event_timeout_exception",
            "failed to process cluster event (put-mapping) within 30s",
            "transient",
        ),
    ] {
        let error = (status >= 300).then(|| trouble(error, reason));
        let found = classify_item(status, error.as_ref());
        assert_eq!(kind(&found), expected, "{status} {error:?}");
    }
    assert_eq!(kind(&classify_item(404, None)), "transient");
}

#[test]
fn every_whole_answer_has_its_row() {
    let body = |kind: &str, reason: &str| {
        format!(
            r#"{{"error":{{"root_cause":[{{"type":"{kind}","reason":"{reason}"}}],"type":"{kind}","reason":"{reason}"}},"status":0}}"#
        )
    };
    for (status, body, expected) in [
        (200, String::new(), "answered"),
        (
            400,
            body(
                "action_request_validation_exception",
                "Validation Failed: 1: id is too long",
            ),
            "split action_request_validation_exception",
        ),
        (
            400,
            body("x_content_parse_exception", "Numeric value out of range"),
            "split x_content_parse_exception",
        ),
        (
            400,
            body(
                "illegal_argument_exception",
                "Malformed action/metadata line",
            ),
            "split illegal_argument_exception",
        ),
        (400, "<html>".to_owned(), "split bad_request"),
        (413, String::new(), "split too_large"),
        (
            429,
            body("es_rejected_execution_exception", OVER_LARGE),
            "split too_large",
        ),
        (
            429,
            body("es_rejected_execution_exception", BUSY),
            "transient",
        ),
        (
            429,
            body("circuit_breaking_exception", "[parent] Data too large"),
            "crowded",
        ),
        (
            401,
            body("security_exception", "missing authentication credentials"),
            "transient",
        ),
        (403, body("security_exception", "unauthorized"), "transient"),
        (404, String::new(), "transient"),
        (502, "<html>bad gateway</html>".to_owned(), "transient"),
        (
            503,
            body(
                "cluster_block_exception",
                "blocked by: [SERVICE_UNAVAILABLE/2/no master];",
            ),
            "transient",
        ),
    ] {
        let found = match classify_bulk(status, body.as_bytes()) {
            Whole::Answered => "answered".to_owned(),
            Whole::Split { code, .. } => format!("split {code}"),
            Whole::Crowded(_) => "crowded".to_owned(),
            Whole::Transient(_) => "transient".to_owned(),
        };
        assert_eq!(found, expected, "{status} {body}");
    }
}

#[test]
fn only_a_request_beyond_the_limit_is_over_large() {
    assert!(over_large(&trouble(
        "es_rejected_execution_exception",
        OVER_LARGE
    )));
    assert!(!over_large(&trouble(
        "es_rejected_execution_exception",
        BUSY
    )));
    assert!(!over_large(&trouble(
        "es_rejected_execution_exception",
        "rejected execution of TimedRunnable on EsThreadPoolExecutor"
    )));
}

#[test]
fn searches_tell_bad_from_missing_from_away() {
    let wrapped = |kind: &str| {
        format!(
            r#"{{"error":{{"root_cause":[{{"type":"{kind}","reason":"why"}}],"type":"search_phase_execution_exception","reason":"all shards failed"}}}}"#
        )
    };
    let bad = |status, body: String| request_failure(status, body.as_bytes(), refused_error);
    assert!(
        matches!(bad(400, wrapped("query_shard_exception")), StoreError::Refused { why, .. } if why == "why")
    );
    assert!(matches!(
        bad(400, wrapped("parsing_exception")),
        StoreError::Refused { .. }
    ));
    for kind in ["illegal_state_exception", "unsupported_operation_exception"] {
        let refused = bad(500, wrapped(kind));
        assert!(matches!(refused, StoreError::Refused { .. }), "{kind}");
        let elsewhere = wrapped(kind).replace("search_phase_execution_exception", kind);
        let unavailable = bad(500, elsewhere);
        assert!(matches!(unavailable, StoreError::Unavailable { .. }));
    }
    assert!(matches!(
        bad(404, wrapped("index_not_found_exception")),
        StoreError::NotMigrated { .. }
    ));
    for (status, kind) in [
        (400, "index_closed_exception"),
        (429, "circuit_breaking_exception"),
        (503, "no_shard_available_action_exception"),
        (500, "x"),
    ] {
        assert!(
            matches!(bad(status, wrapped(kind)), StoreError::Unavailable { .. }),
            "{status} {kind}"
        );
    }
    for status in [401, 403] {
        let denied = bad(status, wrapped("security_exception"));
        assert!(matches!(denied, StoreError::Denied { .. }), "{status}");
    }
}

#[test]
fn a_definition_over_which_the_server_stumbles_is_refused() {
    let body = br#"{"error":{"type":"illegal_state_exception","reason":"Could not load hunspell dictionary [x]"},"status":500}"#;
    let found = failed_definition(500, body);
    assert!(
        matches!(&found, StoreError::Refused { why, .. } if why.contains("hunspell")),
        "{found:?}"
    );
    let away = failed_definition(503, body);
    assert!(matches!(away, StoreError::Unavailable { .. }), "{away:?}");
}

#[test]
fn the_innermost_words_are_told() {
    let body = br#"{"error":{"root_cause":[{"type":"document_parsing_exception","reason":"failed to parse field [n]"}],"type":"document_parsing_exception",
        "reason":"failed to parse field [n]","caused_by":{"type":"illegal_argument_exception","reason":"outer","caused_by":{"type":"number_format_exception","reason":"For input string: \"x\""}}}}"#;
    assert_eq!(
        Trouble::read(body).message(),
        "failed to parse field [n]: For input string: \"x\""
    );
}
