//! A notification on one line, for people.

use serde_json::Value;
use time::{OffsetDateTime, UtcOffset, macros::format_description};

/// `12:03:04.567  in   create   world/cities/2988507  v1  {…}`.
pub fn notification_line(told: &Value) -> String {
    let of = |name: &str| told[name].as_str().unwrap_or_default();
    let place = format!("{}/{}", of("index"), of("collection"));
    let time = local_time(told["timestamp"].as_i64());
    if of("type") == "user" {
        let volatile = Some(&told["volatile"])
            .filter(|volatile| !volatile.is_null())
            .map(|volatile| format!("  {volatile}"));
        let (user, count) = (of("user"), &told["result"]["count"]);
        return format!(
            "{time}  {user:<3}  {:<8}  {place}  {count} in the room{}",
            "user",
            volatile.unwrap_or_default()
        );
    }
    let result = &told["result"];
    let id = result["_id"]
        .as_str()
        .map(|id| format!("/{id}"))
        .unwrap_or_default();
    let version = result["_version"]
        .as_u64()
        .map(|version| format!("  v{version}"))
        .unwrap_or_default();
    let pending = if of("state") == "pending" {
        "  pending"
    } else {
        ""
    };
    let source = Some(&result["_source"])
        .filter(|source| !source.is_null())
        .map(|source| format!("  {source}"))
        .unwrap_or_default();
    format!(
        "{time}  {:<3}  {:<8}  {place}{id}{version}{pending}{source}",
        of("scope"),
        of("action")
    )
}

/// By this machine's clock face; the notification's time where it has one.
fn local_time(milliseconds: Option<i64>) -> String {
    let told = milliseconds.and_then(|time| {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(time) * 1_000_000).ok()
    });
    let offset = UtcOffset::current_local_offset().unwrap_or(UtcOffset::UTC);
    let format = format_description!("[hour]:[minute]:[second].[subsecond digits:3]");
    told.and_then(|time| time.to_offset(offset).format(format).ok())
        .unwrap_or_else(|| "            ".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    fn shown(told: serde_json::Value) -> String {
        let line = super::notification_line(&told);
        line.split_once("  ").expect("a time").1.to_owned()
    }

    #[test]
    fn documents_and_messages_and_people() {
        let mut told = json!({"type": "document", "scope": "in", "action": "create", "index": "geo", "collection": "cities", "state": "done",
            "timestamp": 1_795_302_193_686_i64, "result": {"_id": "a", "_version": 1, "_source": {"n": 1}}});
        assert_eq!(
            shown(told.clone()),
            r#"in   create    geo/cities/a  v1  {"n":1}"#
        );
        told["state"] = "pending".into();
        assert_eq!(
            shown(told),
            r#"in   create    geo/cities/a  v1  pending  {"n":1}"#
        );
        let message = json!({"type": "document", "scope": "in", "action": "publish", "index": "i", "collection": "c", "timestamp": 1,
            "result": {"_source": {"text": "hello"}}});
        assert_eq!(shown(message), r#"in   publish   i/c  {"text":"hello"}"#);
        let user = json!({"type": "user", "user": "out", "index": "i", "collection": "c", "timestamp": 1, "result": {"count": 2}, "volatile": {"name": "Ada"}});
        assert_eq!(
            shown(user),
            r#"out  user      i/c  2 in the room  {"name":"Ada"}"#
        );
    }
}
