//! How dead letters, previews and jobs look to a person.

use serde_json::Value;

/// The first so many characters.
pub fn shorten_text(text: &str, most: usize) -> String {
    if text.chars().count() > most {
        text.chars().take(most - 1).chain(['…']).collect()
    } else {
        text.to_owned()
    }
}

/// What a replay would change, field by field.
pub fn preview_text(preview: &Value) -> String {
    let of = |name: &str| preview[name].as_str().unwrap_or_default();
    let mut text = format!("would be {}", of("verdict"));
    if !of("why").is_empty() {
        text += &format!(": {}", of("why"));
    }
    text += "\n";
    for change in preview["changes"].as_array().into_iter().flatten() {
        let of = |name: &str| change[name].as_str().unwrap_or_default();
        text += &format!("  {} ({})  {}\n", of("role"), of("store"), of("name"));
        let fields = change["fields"].as_array();
        if fields.is_some_and(Vec::is_empty) {
            text += "    no field changes\n";
        }
        for field in fields.into_iter().flatten() {
            let value = |name: &str| match &field[name] {
                Value::Null => "nothing".to_owned(),
                value => shorten_text(&value.to_string(), 200),
            };
            let name = field["field"].as_str().unwrap_or_default();
            text += &format!("    {name}: {} -> {}\n", value("before"), value("after"));
        }
    }
    let follow = preview["follow"].as_u64().filter(|follow| *follow > 0);
    if let Some(follow) = follow.filter(|_| of("verdict") != "dead_lettered") {
        text += &format!("  {follow} parked behind it follow\n");
    }
    if preview["overtaken"] == true {
        text += "  overtaken: later events of its key are applied, so only --as-new replays it\n";
    }
    for later in preview["later"].as_array().into_iter().flatten() {
        let of = |name: &str| later[name].as_str().unwrap_or_default();
        text += &format!(
            "  {} was written later by {}\n",
            of("name"),
            of("request_id")
        );
    }
    if let Some(version) = preview["planned_by"].as_str() {
        text += &format!("  (planned by the catalog {version}, not by the event's own)\n");
    }
    text
}

/// An item of a job that has an end.
pub fn item_line(item: &Value) -> String {
    let of = |name: &str| item[name].as_str().unwrap_or_default();
    let why = item["problem"]["detail"].as_str().unwrap_or_default();
    let line = format!(
        "{}  {}  {}  {why}",
        of("request_id"),
        of("key"),
        of("status")
    );
    line.trim_end().to_owned()
}
