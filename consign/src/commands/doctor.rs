//! `consign doctor`: what is missing or weak, each with the line that mends it. Looks at
//! everything, changes nothing.

mod embedded;
mod finding;
mod machine;
mod servers;

use super::Invocation;
use crate::{
    failure::Failure,
    output::format_table,
    settings::{LogKind, Settings},
};
use clap::Args;
use finding::{Finding, State};
use serde::Serialize;

const EXAMPLES: &str = "\
Examples:
  consign doctor                            the data folder of `consign dev`
  consign doctor --config gateway.toml      Kafka, Cassandra, Elasticsearch as the settings name them
  consign doctor --json | jq '.findings[] | select(.state != \"well\")'

Exit 0 if nothing is missing (weak settings are named and allowed), 1 if something is, 3 if a server is out of reach.";

/// Check the deployment: what is missing or weak, and the command that fixes it
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    patience: crate::commands::Patience,
}

#[derive(Serialize)]
struct DoctorReport {
    well: bool,
    findings: Vec<Finding>,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let settings = invocation.settings(&[])?.settings;
    let mut findings = machine::check_machine(&settings);
    findings.push(check_catalog(&settings));
    match settings.log.kind {
        LogKind::Embedded => findings.extend(embedded::check_embedded(&settings).await),
        LogKind::Kafka => {
            findings.extend(servers::check_servers(&settings, arguments.patience.limit()).await)
        }
    }
    let worst = findings
        .iter()
        .map(|finding| finding.state)
        .max()
        .unwrap_or(State::Well);
    let told = DoctorReport {
        well: worst <= State::Weak,
        findings,
    };
    invocation.output.result(&told, report_text)?;
    match worst {
        State::Well | State::Weak => Ok(()),
        State::Missing => Err(Failure::told()),
        State::OutOfReach => Err(Failure {
            message: String::new(),
            ..Failure::unreachable("")
        }),
    }
}

fn check_catalog(settings: &Settings) -> Finding {
    match crate::stack::load_catalog(settings) {
        Ok(catalog) => Finding::well(
            "catalog",
            format!(
                "{} operations, version {}",
                catalog.operations().count(),
                catalog.version()
            ),
        ),
        Err(failure) => Finding::missing("catalog", failure.message, "consign catalog check"),
    }
}

fn report_text(told: &DoctorReport) -> String {
    let row = |finding: &Finding| {
        vec![
            finding.state.name().to_owned(),
            finding.about.clone(),
            finding.found.clone(),
        ]
    };
    let mut text = format_table(
        &["", "what", "found"],
        &told.findings.iter().map(row).collect::<Vec<_>>(),
    );
    // One line may mend several things.
    let mut mends: Vec<(&str, Vec<&str>)> = Vec::new();
    for (mend, about) in told
        .findings
        .iter()
        .filter_map(|finding| Some((finding.mend.as_deref()?, finding.about.as_str())))
    {
        match mends.iter_mut().find(|(known, _)| *known == mend) {
            Some((_, abouts)) if abouts.contains(&about) => {}
            Some((_, abouts)) => abouts.push(about),
            None => mends.push((mend, vec![about])),
        }
    }
    if !mends.is_empty() {
        text += "\nWhat mends it:\n";
    }
    for (mend, abouts) in mends {
        let more = abouts.len() - 1;
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        text += &format!("  {}{more}\n      {mend}\n", abouts[0]);
    }
    text
}
