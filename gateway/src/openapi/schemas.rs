//! The schemas of what goes over the wire, by name.

use crate::error::code;
use serde_json::{Value, json};

pub(crate) fn all_schemas() -> Value {
    let codes: Vec<_> = code::TABLE.iter().map(|row| row.name).collect();
    let problem = json!({
        "type": "object",
        "required": ["type", "title", "status", "code", "detail"],
        "properties": {
            "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"}, "code": {"type": "string", "enum": codes},
            "detail": {"type": "string"}, "hint": {"type": "string"}, "pointer": {"type": "string"}, "request_id": {"type": "string"},
            "token": {"type": "string"}, "retry_after": {"type": "integer"},
            "errors": {"type": "array", "items": {"type": "object", "properties": {"pointer": {"type": "string"}, "rule": {"type": "string"}, "message": {"type": "string"}}}},
        },
    });
    let mut schemas = json!({ "Problem": problem, "Anything": {}, "Request": {"type": "object"}, "Row": {"type": "object"} });
    for part in [
        write_schemas(),
        read_schemas(),
        dead_letters(),
        service_schemas(),
    ] {
        if let (Some(schemas), Value::Object(part)) = (schemas.as_object_mut(), part) {
            schemas.extend(part);
        }
    }
    schemas
}

fn write_schemas() -> Value {
    let one = json!({
        "type": "object",
        "required": ["request_id", "token", "status", "durability"],
        "properties": {
            "request_id": {"type": "string", "pattern": "^r1[A-Za-z0-9_-]{36}$"}, "token": {"type": "string"},
            "status": {"enum": ["accepted", "applied", "published"]}, "durability": {"enum": ["replicated", "logged", "embedded", "spooled"]}, "order": {"enum": ["on_arrival"]}, "confirmed": {"enum": [false]}, "result": {},
        },
    });
    let problem = json!({"type": "object", "required": ["problem"], "properties": {"problem": {"$ref": "#/components/schemas/Problem"}}});
    json!({
        "Taken": one,
        "Items": {"type": "object", "required": ["items"], "properties": {"items": {"type": "array", "items": {"anyOf": [{"$ref": "#/components/schemas/Taken"}, problem]}}}},
        "BulkLine": {"anyOf": [
            {"type": "object", "required": ["line", "request_id", "token", "status"]},
            {"type": "object", "required": ["line", "problem"]},
            {"type": "object", "required": ["summary"], "properties": {"summary": {"type": "object", "required": ["accepted", "refused", "token"]}}},
        ]},
        "CollectionRequest": {"type": "object", "additionalProperties": false, "properties": {"mappings": {"type": "object"}, "settings": {"type": "object"}}},
    })
}

fn read_schemas() -> Value {
    let collection =
        json!({"type": "object", "required": ["index", "collection", "incarnation", "created"]});
    let document = json!({"type": "object", "required": ["_id", "_source", "_version"], "properties": {"_id": {"type": "string"}, "_source": {"type": "object"}, "_version": {"type": "integer"}}});
    json!({
        "RequestStatus": {
            "type": "object",
            "required": ["request_id", "operation", "status", "position", "ahead", "stores", "times"],
            "properties": {
                "status": {"enum": ["queued", "parked", "applying", "applied", "refused", "dead_lettered"]},
                "behind": {"type": "string", "description": "The dead letter that a parked request waits for."},
                "waiting": {"type": "integer", "description": "How many are parked in the queue of its key."},
                "position": {"type": "object", "properties": {"partition": {"type": "integer"}, "offset": {"type": "integer"}}},
                "ahead": {"type": "integer"}, "stores": {"type": "object", "additionalProperties": {"enum": ["done", "pending"]}},
                "problem": {"$ref": "#/components/schemas/Problem"},
                "parts": {"type": "array", "items": {"type": "object", "required": ["request_id", "status"]}},
            },
        },
        "Explanation": {
            "type": "object",
            "required": ["request_id", "partition", "steps", "documents", "parts", "next"],
            "properties": {
                "steps": {"type": "array", "items": {"type": "object", "required": ["step", "detail"], "properties": {
                    "step": {"enum": ["received", "accepted", "decided", "undone", "applied", "resolved", "notified"]},
                    "time": {"type": "string"}, "after_ms": {"type": "integer"},
                }}},
                "verdict": {}, "documents": {"type": "array", "items": {"type": "object"}},
                "parts": {"type": "array", "items": {"type": "object"}}, "next": {"type": "string"},
            },
        },
        "DocumentHistory": {
            "type": "object",
            "required": ["index", "collection", "_id", "partition", "whole", "entries", "omitted"],
            "properties": {
                "whole": {"type": "boolean"}, "kept_from": {"type": "string"}, "omitted": {"type": "integer"},
                "entries": {"type": "array", "items": {"type": "object", "required": ["_version", "time", "action", "operation", "request_id", "offset"]}},
            },
        },
        "Operations": {"type": "object", "required": ["catalog", "operations"], "properties": {"catalog": {"type": "string"}, "operations": {"type": "array", "items": {"type": "object", "required": ["name", "summary", "kind", "order"]}}}},
        "ReloadedCatalog": {"type": "object", "required": ["version", "before", "operations"], "properties": {"version": {"type": "string"}, "before": {"type": "string"}, "operations": {"type": "integer"}}},
        "Collection": collection,
        "Collections": {"type": "object", "properties": {"collections": {"type": "array", "items": {"$ref": "#/components/schemas/Collection"}}}},
        "Document": document,
        "MgetRequest": {"type": "object", "required": ["ids"], "properties": {"ids": {"type": "array", "items": {"type": "string"}}}},
        "MgetAnswer": {"type": "object", "properties": {"documents": {"type": "array", "items": {"$ref": "#/components/schemas/Document"}}, "missing": {"type": "array", "items": {"type": "string"}}, "refused": {"type": "array", "items": {"type": "object", "required": ["pointer", "detail"]}}}},
        "IdsRequest": {"type": "object", "additionalProperties": false, "properties": {"behind": {"type": "string"}, "limit": {"type": "integer", "minimum": 1, "maximum": 1000}}},
        "IdsAnswer": {"type": "object", "required": ["ids"], "properties": {"ids": {"type": "array", "items": {"type": "string"}}}},
        "CompareAnswer": {"type": "object", "required": ["differing", "missing"], "properties": {"differing": {"type": "array", "items": {"type": "string"}}, "missing": {"type": "array", "items": {"type": "string"}}}},
        "CountRequest": {"type": "object", "properties": {"query": {"type": "object"}}},
        "CountAnswer": {"type": "object", "properties": {"count": {"type": "integer"}}},
        "SearchRequest": {"type": "object", "additionalProperties": false, "properties": {
            "query": {"type": "object"}, "post_filter": {"type": "object"}, "min_score": {"type": "number"}, "rescore": {},
            "sort": {}, "from": {"type": "integer"}, "size": {"type": "integer"}, "search_after": {"type": "array"},
            "_source": {}, "fields": {"type": "array"}, "docvalue_fields": {"type": "array"}, "highlight": {"type": "object"}, "collapse": {"type": "object"},
            "aggs": {"type": "object"}, "aggregations": {"type": "object"}, "suggest": {"type": "object"}, "track_scores": {"type": "boolean"}, "track_total_hits": {},
        }},
        "SearchAnswer": {"type": "object", "required": ["hits"], "properties": {
            "hits": {"type": "array", "items": {"type": "object"}}, "total": {"type": "integer"}, "total_relation": {"enum": ["gte"]}, "max_score": {"type": "number"},
            "aggregations": {"type": "object"}, "suggest": {"type": "object"},
        }},
    })
}

fn dead_letters() -> Value {
    let line = json!({
        "type": "object",
        "required": ["request_id", "key", "operation", "code", "fingerprint", "store", "message", "time", "attempts", "waiting", "overtaken"],
        "properties": {
            "request_id": {"type": "string"}, "key": {"type": "string"}, "operation": {"type": "string"}, "code": {"type": "string"},
            "fingerprint": {"type": "string", "description": "The same for equal causes."}, "store": {"type": ["string", "null"]}, "message": {"type": "string"},
            "time": {"type": "string", "format": "date-time"}, "attempts": {"type": "integer"}, "waiting": {"type": "integer", "description": "How many are parked behind it."},
            "overtaken": {"type": "boolean", "description": "A later event of its key was applied."},
        },
    });
    let fields = json!({"type": "array", "items": {"type": "object", "required": ["field"], "properties": {"field": {"type": "string"}, "before": {}, "after": {}}}});
    let preview = json!({
        "type": "object",
        "required": ["verdict", "changes", "follow", "overtaken", "later"],
        "properties": {
            "verdict": {"enum": ["applied", "refused", "dead_lettered"]}, "why": {"type": "string"}, "follow": {"type": "integer"}, "overtaken": {"type": "boolean"},
            "changes": {"type": "array", "items": {"type": "object", "required": ["role", "store", "name", "fields"], "properties": {"role": {"enum": ["record", "view"]}, "store": {"type": "string"}, "name": {"type": "string"}, "fields": fields}}},
            "later": {"type": "array", "items": {"type": "object", "required": ["name", "request_id"]}}, "planned_by": {"type": "string"},
        },
    });
    let select = json!({
        "type": "object", "additionalProperties": false,
        "description": "At least one of `requests`, `key`, `fingerprint` and `all`; each other member narrows it.",
        "properties": {
            "requests": {"type": "array", "items": {"type": "string"}}, "key": {"type": "string"}, "fingerprint": {"type": "string"}, "all": {"type": "boolean"},
            "operation": {"type": "string"}, "code": {"type": "string"}, "store": {"type": "string"}, "text": {"type": "string"},
            "since": {"type": "string", "format": "date-time"}, "until": {"type": "string", "format": "date-time"},
        },
    });
    json!({
        "DeadLetterLine": line,
        "DeadLetters": {"type": "object", "required": ["dead_letters", "count"], "properties": {"count": {"type": "integer"}, "dead_letters": {"type": "array", "items": {"$ref": "#/components/schemas/DeadLetterLine"}}}},
        "ExplainedRight": {"type": "object", "required": ["user", "right", "place", "profiles", "allowed", "because", "policies", "unknown_profiles"]},
        "SecurityEvents": {"type": "object", "required": ["events", "next", "end"], "properties": {
            "events": {"type": "array", "items": {"type": "object", "required": ["offset", "id", "source", "type", "time", "data"]}}, "next": {"type": "integer"}, "end": {"type": "integer"},
        }, "description": "CloudEvents with their offsets; the next page begins at `next`."},
        "ChainReport": {"type": "object", "required": ["whole", "records", "processes", "without_end", "problem_count", "problems"], "properties": {
            "problems": {"type": "array", "items": {"type": "object", "required": ["offset", "what"]}},
        }},
        "UserSessions": {"type": "object", "required": ["sessions", "next"], "properties": {
            "sessions": {"type": "array", "items": {"type": "object", "required": ["id", "current", "began", "until"], "properties": {
                "id": {"type": "string"}, "current": {"type": "boolean", "description": "It is the one that asks."},
                "began": {"type": "string", "format": "date-time"}, "refreshed": {"type": "string", "format": "date-time"},
                "until": {"type": "string", "format": "date-time"}, "address": {"type": "string", "description": "From where it was begun."},
            }}},
            "next": {"type": ["string", "null"]},
        }},
        "EndedSession": {"type": "object", "required": ["ended", "current"], "properties": {"ended": {"type": "string"}, "current": {"type": "boolean"}}},
        "Floods": {"type": "object", "required": ["floods"], "properties": {"floods": {"type": "array", "items": {"type": "object", "required": ["partition", "offset", "operation", "fingerprint", "since"]}}}},
        "FloodPass": {"type": "object", "additionalProperties": false, "properties": {
            "operation": {"type": "string"}, "fingerprint": {"type": "string"}, "all": {"type": "boolean"}, "seconds": {"type": "integer"}, "reason": {"type": "string"},
        }, "description": "One of `operation`, `fingerprint` and `all`."},
        "FloodPermission": {"type": "object", "required": ["passage", "until"]},
        "ReplayPreview": preview,
        "DeadLetter": {"type": "object", "required": ["dead_letter", "failures", "event", "original", "preview"], "properties": {
            "dead_letter": {"$ref": "#/components/schemas/DeadLetterLine"}, "preview": {"$ref": "#/components/schemas/ReplayPreview"},
            "failures": {"type": "array", "items": {"type": "object"}}, "event": {"type": "object"}, "original": {"type": "object"},
        }},
        "ReplayOrder": {"type": "object", "additionalProperties": false, "required": ["select"], "properties": {
            "action": {"enum": ["replay", "discard"]}, "select": select, "dry_run": {"type": "boolean"}, "rate": {"type": "number"}, "reason": {"type": "string"},
            "as_new": {"type": "boolean"}, "repeat": {"type": "boolean", "description": "Also dead letters of the selection that come while it runs, until none is left."}, "patch": {"type": "array", "items": {"type": "object"}, "description": "RFC 6902, over the request of each."},
        }},
        "Replay": {"type": "object", "required": ["id", "action", "state", "total", "done", "counts", "items"], "properties": {
            "id": {"type": "string"}, "action": {"enum": ["replay", "discard"]}, "state": {"enum": ["running", "interrupted", "paused", "cancelled", "done"]},
            "order": {"$ref": "#/components/schemas/ReplayOrder"}, "principal": {"type": "string"}, "created": {"type": "string"}, "total": {"type": "integer"}, "done": {"type": "integer"},
            "counts": {"type": "object", "additionalProperties": {"type": "integer"}}, "succeeded": {"type": ["boolean", "null"]},
            "items": {"type": "array", "items": {"type": "object", "required": ["request_id", "status"]}},
        }},
        "Replays": {"type": "object", "required": ["replays"], "properties": {"replays": {"type": "array", "items": {"$ref": "#/components/schemas/Replay"}}}},
        "DryRun": {"type": "object", "required": ["dry_run", "total", "items"], "properties": {"total": {"type": "integer"}, "items": {"type": "array", "items": {"type": "object"}}}},
    })
}

fn service_schemas() -> Value {
    json!({
        "Readiness": {"type": "object", "properties": {"ready": {"type": "boolean"}, "components": {"type": "object"}, "not_ready_seconds": {"type": "object"}, "weakened": {"type": "array"}}},
        "SystemStatus": {
            "type": "object",
            "required": ["time", "state", "systems", "partitions", "readiness", "unread", "advice"],
            "properties": {
                "time": {"type": "string"}, "state": {"enum": ["well", "attention", "failing", "unknown"]},
                "systems": {"type": "array", "items": {"type": "object", "required": ["role", "name", "answers"], "properties": {
                    "role": {"enum": ["log", "record", "view"]}, "answers": {"type": "boolean"}, "why": {"type": "string"}, "away_seconds": {"type": "integer"},
                }}},
                "partitions": {"type": "array", "items": {"type": "object", "required": ["partition"], "properties": {
                    "partition": {"type": "integer"}, "end": {"type": "integer"}, "resolved": {"type": "integer"}, "lag": {"type": "integer"}, "waiting_seconds": {"type": "integer"},
                    "changes_end": {"type": "integer"}, "notified": {"type": "integer"}, "notifier_lag": {"type": "integer"}, "notifier_waiting_seconds": {"type": "integer"},
                    "flood": {"type": "object"},
                }}},
                "held": {"type": "object", "properties": {"keys": {"type": "integer"}, "locked": {"type": "integer"}, "draining": {"type": "integer"}, "dead": {"type": "integer"}, "parked": {"type": "integer"}}},
                "catalog": {"type": "string"}, "causes": {"type": "array", "items": {"type": "object"}}, "spool": {"type": "object"}, "spools": {"type": "integer"},
                "readiness": {"$ref": "#/components/schemas/Readiness"},
                "unread": {"type": "array", "items": {"type": "object", "required": ["part", "why"]}},
                "advice": {"type": "array", "items": {"type": "object", "required": ["severity", "problem", "remedy"], "properties": {"severity": {"enum": ["attention", "failing"]}}}},
            },
        },
        "Audit": {
            "type": "object",
            "required": ["audit_id", "status", "done", "report"],
            "properties": {
                "audit_id": {"type": "string"}, "status": {"enum": ["running", "clean", "found", "failed"]}, "done": {"type": "number"},
                "phase": {"type": "string"}, "why": {"type": "string"},
                "report": {"type": "object", "properties": {
                    "counts": {"type": "object"}, "partitions": {"type": "array"}, "more_findings": {"type": "integer"},
                    "findings": {"type": "array", "items": {"type": "object", "required": ["kind", "item", "key", "store", "basis", "detail"], "properties": {
                        "kind": {"enum": ["lost", "extra", "stale", "half_applied", "diverged"]}, "item": {"enum": ["document", "row", "request", "mark"]},
                        "basis": {"enum": ["log", "record"]},
                    }}},
                }},
            },
        },
        "Repair": {
            "type": "object",
            "required": ["requests", "left"],
            "properties": {
                "requests": {"type": "array", "items": {"type": "object", "required": ["key", "request_id"]}},
                "left": {"type": "array", "items": {"type": "object", "required": ["key", "store", "why"]}},
            },
        },
        "MarkerPurge": {
            "type": "object",
            "properties": {
                "index": {"type": "string"}, "collection": {"type": "string"},
                "older_than_ms": {"type": "integer", "minimum": 0, "default": 86_400_000},
                "limit": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 500},
                "behind": {"type": "string", "description": "`next` of the page before"},
                "dry_run": {"type": "boolean", "default": false}, "reason": {"type": "string"},
            },
        },
        "PurgedMarkers": {
            "type": "object",
            "required": ["found", "asked", "requests", "left"],
            "properties": {
                "found": {"type": "integer"}, "asked": {"type": "integer"},
                "requests": {"type": "array", "items": {"type": "object", "required": ["request_id", "markers"], "properties": {
                    "markers": {"type": "array", "items": {"type": "string"}, "description": "In the order by which the request's result names those that it left"},
                }}},
                "left": {"type": "array", "items": {"type": "object", "required": ["key", "why"]}},
                "next": {"type": "string", "description": "There may be more behind this page"},
            },
        },
        "SunbirdAnswer": {
            "type": "object",
            "required": ["id", "ver", "ts", "params", "responseCode", "result"],
            "properties": {
                "id": {"type": "string"}, "ver": {"type": "string"}, "ts": {"type": "string"}, "responseCode": {"type": "string"}, "result": {"type": "object"},
                "params": {"type": "object", "properties": {"resmsgid": {}, "msgid": {}, "err": {}, "status": {"type": "string"}, "errmsg": {}}},
            },
        },
    })
}
