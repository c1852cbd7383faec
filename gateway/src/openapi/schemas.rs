//! The schemas of what goes over the wire, by name.

use crate::error::code;
use serde_json::{Value, json};

pub(crate) fn all() -> Value {
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
    for part in [writes(), reads(), services()] {
        if let (Some(schemas), Value::Object(part)) = (schemas.as_object_mut(), part) {
            schemas.extend(part);
        }
    }
    schemas
}

fn writes() -> Value {
    let one = json!({
        "type": "object",
        "required": ["request_id", "token", "status", "durability"],
        "properties": {
            "request_id": {"type": "string", "pattern": "^r1[A-Za-z0-9_-]{36}$"}, "token": {"type": "string"},
            "status": {"enum": ["accepted", "applied", "published"]}, "durability": {"enum": ["replicated", "logged", "embedded", "spooled"]}, "order": {"enum": ["on_arrival"]}, "result": {},
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

fn reads() -> Value {
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
        "Operations": {"type": "object", "required": ["catalog", "operations"], "properties": {"catalog": {"type": "string"}, "operations": {"type": "array", "items": {"type": "object", "required": ["name", "summary", "kind", "order"]}}}},
        "Collection": collection,
        "Collections": {"type": "object", "properties": {"collections": {"type": "array", "items": {"$ref": "#/components/schemas/Collection"}}}},
        "Document": document,
        "MgetRequest": {"type": "object", "required": ["ids"], "properties": {"ids": {"type": "array", "items": {"type": "string"}}}},
        "MgetAnswer": {"type": "object", "properties": {"documents": {"type": "array", "items": {"$ref": "#/components/schemas/Document"}}, "missing": {"type": "array", "items": {"type": "string"}}, "refused": {"type": "array", "items": {"type": "object", "required": ["pointer", "detail"]}}}},
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

fn services() -> Value {
    json!({
        "Readiness": {"type": "object", "properties": {"ready": {"type": "boolean"}, "components": {"type": "object"}, "weakened": {"type": "array"}}},
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
