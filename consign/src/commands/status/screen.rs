//! A look at the pipeline as text: first how it stands and what to do, then what waits where. Pure.

use crate::output::format_table;
use serde_json::Value;

/// Of more partitions than this, only those are shown in which something waits.
const SHORT_LIST: usize = 16;

pub fn status_text(status: &Value) -> String {
    let word = match status["state"].as_str() {
        Some("well") => "well",
        Some("attention") => "works, and needs attention",
        Some("failing") => "FAILING",
        Some(_) | None => "unknown: not everything could be read",
    };
    let time = status["time"].as_str().unwrap_or_default();
    let mut text = format!("{time}  {word}\n");
    text += &advice_text(status);
    text += &partitions_text(status);
    text += &held_text(&status["held"]);
    text += &spools_text(status);
    for system in list_items(&status["systems"]) {
        text += &status_line(text_member(system, "role"), &system_text(system));
    }
    if let Some(version) = status["catalog"].as_str() {
        text += &status_line("catalog", version);
    }
    let weakened = list_items(&status["readiness"]["weakened"]).count();
    if weakened > 0 {
        let weak = format!("{weakened} settings weaken promises: consign health");
        text += &status_line("settings", &weak);
    }
    text
}

fn list_items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text_member<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn status_line(name: &str, what: &str) -> String {
    format!("{name:<9}{what}\n")
}

fn advice_text(status: &Value) -> String {
    let mut text = String::new();
    for advice in list_items(&status["advice"]) {
        let sign = if text_member(advice, "severity") == "failing" {
            '!'
        } else {
            '-'
        };
        let (problem, remedy) = (
            text_member(advice, "problem"),
            text_member(advice, "remedy"),
        );
        text += &format!("{sign} {problem}\n    {remedy}\n");
    }
    for unread in list_items(&status["unread"]) {
        let (part, why) = (text_member(unread, "part"), text_member(unread, "why"));
        text += &format!("? {part} could not be read: {why}\n");
    }
    text
}

fn partitions_text(status: &Value) -> String {
    let all: Vec<&Value> = list_items(&status["partitions"]).collect();
    let total = |name: &str| all.iter().filter_map(|one| one[name].as_u64()).sum::<u64>();
    let waits = |one: &Value, lag: &str| one[lag].as_u64() != Some(0);
    let is_shown = |one: &&&Value| {
        all.len() <= SHORT_LIST
            || waits(one, "lag")
            || one["notifier_lag"].as_u64().is_some_and(|lag| lag > 0)
    };
    let rows: Vec<Vec<String>> = all
        .iter()
        .filter(is_shown)
        .map(|one| partition_row(one))
        .collect();
    let names = [
        "partition",
        "lag",
        "oldest",
        "per second",
        "to drain",
        "notifiers",
        "oldest",
        "waits for",
    ];
    let mut text = format!("\n{}", format_table(&names, &rows));
    let hidden = all.len() - rows.len();
    if hidden > 0 {
        text += &format!("and {hidden} partitions in which nothing waits\n");
    }
    let behind = format!(
        "{} events wait for workers, {} records for notifiers",
        total("lag"),
        total("notifier_lag")
    );
    text + "\n" + &status_line("in all", &behind)
}

fn partition_row(partition: &Value) -> Vec<String> {
    let number = |name: &str| match &partition[name] {
        Value::Null => "?".to_owned(),
        value => value.to_string(),
    };
    let shown = |name: &str| match partition[name].as_u64() {
        Some(seconds) => duration_text(seconds),
        None => "-".to_owned(),
    };
    let rate = &partition["per_second"];
    let rate = rate
        .as_f64()
        .map_or("-".to_owned(), |rate| rate.to_string());
    let notified = &partition["notifier_lag"];
    let notified = notified
        .as_u64()
        .map_or("-".to_owned(), |lag| lag.to_string());
    let flood = &partition["flood"];
    let waits = flood["operation"].as_str().map(|operation| {
        let fingerprint = text_member(flood, "fingerprint");
        format!("a flood of dead letters of {operation} ({fingerprint})")
    });
    vec![
        number("partition"),
        number("lag"),
        shown("waiting_seconds"),
        rate,
        shown("drain_seconds"),
        notified,
        shown("notifier_waiting_seconds"),
        waits.unwrap_or_default(),
    ]
}

fn held_text(held: &Value) -> String {
    let text = match held["keys"].as_u64() {
        None => "?".to_owned(),
        Some(0) => "nothing".to_owned(),
        Some(keys) => format!(
            "{} dead letters and {} events parked behind them, of {keys} keys: {} locked, {} draining",
            held["dead"], held["parked"], held["locked"], held["draining"]
        ),
    };
    status_line("held", &text)
}

fn spools_text(status: &Value) -> String {
    let spool = &status["spool"];
    let own = match spool["records"].as_u64() {
        None => "this gateway has none".to_owned(),
        Some(0) => "empty".to_owned(),
        Some(records) => format!(
            "{records} records of {} bytes, the oldest for {}",
            spool["bytes"],
            duration_text(spool["oldest_seconds"].as_u64().unwrap_or_default())
        ),
    };
    let holding = match status["spools"].as_u64() {
        Some(0) => String::new(),
        Some(count) => format!("; {count} of the deployment hold something"),
        None => "; of others it is not known".to_owned(),
    };
    status_line("spool", &(own + &holding))
}

fn system_text(system: &Value) -> String {
    let name = text_member(system, "name");
    if system["answers"] == true {
        return format!("{name} answers");
    }
    let seconds = system["away_seconds"].as_u64().unwrap_or_default();
    let (since, why) = (duration_text(seconds), text_member(system, "why"));
    format!("{name} is AWAY for {since}: {why}")
}

fn duration_text(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3_600),
    }
}
