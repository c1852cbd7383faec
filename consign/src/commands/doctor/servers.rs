//! Kafka, the record store and the view: in reach, prepared, and which of their settings weaken a
//! promise.

use super::Finding;
use crate::{
    failure::Failure,
    settings::Settings,
    stack::{self, Stack, retry_with_patience},
};
use event_log::TopicProblem;
use standalone::prepare;
use std::time::Duration;
use store::{StoreError, schema::Weakness, view::HeldIncarnation};

const MIGRATE: &str = "consign catalog migrate";

pub async fn check_servers(settings: &Settings, patience: Duration) -> Vec<Finding> {
    let stack = match Stack::shared(settings) {
        Ok(stack) => stack,
        Err(failure) => return vec![Finding::of("settings", &failure, "consign config check")],
    };
    let (log, record, view) = tokio::join!(
        check_log(settings, &stack, patience),
        check_record(settings, &stack, patience),
        check_view(settings, &stack, patience)
    );
    [log, record, view].into_iter().flatten().collect()
}

async fn check_log(settings: &Settings, stack: &Stack, patience: Duration) -> Vec<Finding> {
    let topics = stack.topics();
    let checked = retry_with_patience(patience, async || {
        Ok(stack.log.admin.check(&topics).await?)
    })
    .await;
    let problems = match checked {
        Ok(problems) => problems,
        Err(failure) => {
            return vec![Finding::of(
                "kafka",
                &failure,
                "is it running? kafka.brokers says where it is looked for",
            )];
        }
    };
    let mut findings = vec![Finding::well("kafka", "in reach")];
    for problem in &problems {
        findings.push(match problem {
            TopicProblem::Missing { .. } => Finding::missing("topics", problem.to_string(), "consign topics create"),
            TopicProblem::Setting { topic, setting, expected, .. } => {
                let mend = format!("kafka-configs.sh --alter --entity-type topics --entity-name {topic} --add-config {setting}={expected}");
                Finding::missing("topics", problem.to_string(), mend)
            }
        });
    }
    if problems.is_empty() {
        findings.push(Finding::well(
            "topics",
            format!("all {} as they must be", topics.len()),
        ));
        findings.extend(check_durability(settings, stack).await);
    }
    findings
}

async fn check_durability(settings: &Settings, stack: &Stack) -> Vec<Finding> {
    let mut findings = Vec::new();
    match stack.log.admin.durability(&stack.topics()).await {
        Ok((durability, weak)) => {
            let found = serde_json::to_value(durability)
                .ok()
                .and_then(|value| value.as_str().map(str::to_owned))
                .unwrap_or_default();
            findings.push(Finding::well(
                "durability",
                format!("an acknowledged write is `{found}`"),
            ));
            let named = weak.into_iter().map(
                |event_log::Weakness {
                     setting,
                     found,
                     wanted,
                     consequence,
                 }| Weakness {
                    setting,
                    found,
                    wanted,
                    consequence,
                },
            );
            findings.extend(named.map(|weakness| weak_setting("kafka", weakness, settings)));
        }
        Err(error) => findings.push(Finding::of(
            "durability",
            &error.into(),
            "consign topics check",
        )),
    }
    findings
}

async fn check_record(settings: &Settings, stack: &Stack, patience: Duration) -> Vec<Finding> {
    let name = stack.record.name();
    let ready = retry_with_patience(patience, async || Ok(stack.record.ready().await?)).await;
    let mut findings = store_findings(settings, name, ready, stack.record.weaknesses().await);
    if findings
        .iter()
        .all(|finding| finding.state <= super::State::Weak)
    {
        findings.push(check_collections(settings, stack).await);
    }
    findings
}

/// The catalog's own collections, as far as the record knows them.
async fn check_collections(settings: &Settings, stack: &Stack) -> Finding {
    let catalog = match stack::load_catalog(settings) {
        Ok(catalog) => catalog,
        Err(failure) => return Finding::of("collections", &failure, "consign catalog check"),
    };
    let known = match stack.record.collections().await {
        Ok(known) => known,
        Err(error) => return Finding::of("collections", &error.into(), MIGRATE),
    };
    let stands = |own: &&catalog::OwnCollection| {
        known
            .iter()
            .any(|known| known.index == own.index && known.collection == own.collection)
    };
    let missing: Vec<String> = catalog
        .collections()
        .iter()
        .filter(|own| !stands(own))
        .map(|own| format!("{}/{}", own.index, own.collection))
        .collect();
    if missing.is_empty() {
        Finding::well(
            "collections",
            format!("{}, the catalog's own among them", known.len()),
        )
    } else {
        Finding::missing(
            "collections",
            format!("the catalog's own are not there: {}", missing.join(", ")),
            MIGRATE,
        )
    }
}

async fn check_view(settings: &Settings, stack: &Stack, patience: Duration) -> Vec<Finding> {
    let Some(view) = stack.view() else {
        return vec![Finding::weak(
            "view",
            "none: there is no search",
            "view.kind = \"elasticsearch\"",
        )];
    };
    let ready = retry_with_patience(patience, async || Ok(view.ready().await?)).await;
    let mut findings = store_findings(settings, view.name(), ready, view.weaknesses().await);
    // What the record does not answer is named where the record is looked at.
    let left = prepare::find_leftovers(stack.record.as_ref(), view).await;
    findings.extend(left.unwrap_or_default().iter().map(leftover_finding));
    findings
}

/// An index of a collection that was being made, emptied or dropped by somebody who died.
fn leftover_finding(left: &HeldIncarnation) -> Finding {
    let HeldIncarnation {
        index,
        collection,
        incarnation,
        ..
    } = left;
    Finding::weak(
        "indices without a collection",
        format!("{index}/{collection}, incarnation {incarnation}: it only takes room"),
        "create or drop a collection of that name, which removes it, or delete the index by hand",
    )
}

fn store_findings(
    settings: &Settings,
    name: &str,
    ready: Result<(), Failure>,
    weaknesses: Result<Vec<Weakness>, StoreError>,
) -> Vec<Finding> {
    match ready {
        Err(failure) => vec![Finding::of(
            name,
            &failure,
            "is it running? the settings say where it is looked for",
        )],
        Ok(()) => {
            let weak = weaknesses
                .unwrap_or_default()
                .into_iter()
                .map(|weakness| weak_setting(name, weakness, settings));
            std::iter::once(Finding::well(name, "in reach and prepared"))
                .chain(weak)
                .collect()
        }
    }
}

fn weak_setting(component: &str, weakness: Weakness, settings: &Settings) -> Finding {
    let mend = mending_hint(component, &weakness, settings);
    let Weakness {
        setting,
        found,
        consequence,
        ..
    } = weakness;
    Finding::weak(
        format!("{component}: {setting}"),
        format!("{found}: {consequence}"),
        mend,
    )
}

/// The line to type, where there is one.
fn mending_hint(component: &str, weakness: &Weakness, settings: &Settings) -> String {
    let brokers = settings.kafka.brokers.join(",");
    match (component, weakness.setting.as_str()) {
        ("kafka", setting) if setting.ends_with("replication") => {
            "three brokers or more; topics that are created then have three replicas (for these: kafka-reassign-partitions.sh)".to_owned()
        }
        ("kafka", setting) => match setting.split_once(": ") {
            Some((topic, name)) => {
                let value = if name == "min.insync.replicas" { "2" } else { weakness.wanted.as_str() };
                format!(
                    "kafka-configs.sh --bootstrap-server {brokers} --alter --entity-type topics --entity-name {topic} --add-config {name}={value}"
                )
            }
            None => format!("set it to {}", weakness.wanted),
        },
        ("cassandra", "commitlog_sync") => "commitlog_sync: batch, in cassandra.yaml of every node".to_owned(),
        ("cassandra", "consistency") => "cassandra.consistency = \"local_quorum\"".to_owned(),
        ("cassandra", setting) if setting.starts_with("replication") => format!(
            "three nodes or more, then: ALTER KEYSPACE {} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 3}}; \
             cassandra.replication.simple = 3; nodetool repair",
            settings.cassandra.keyspace
        ),
        _ => format!("set it to {}", weakness.wanted),
    }
}
