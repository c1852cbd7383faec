//! `consign catalog migrate`: tables and collections that the operations need. Repeatable; what
//! differs is named and left alone.

use super::Invocation;
use crate::{
    failure::Failure,
    stack::{self, Stack, retry_with_patience},
};
use clap::Args;

use standalone::prepare::{self, Prepared};

const EXAMPLES: &str = "\
Examples:
  consign catalog migrate --config write-worker.toml
  consign catalog migrate --config write-worker.toml --patience 120      servers that are still starting

Can be repeated; overwrites nothing. Tables get columns that they do not have. Exit 1 if something that is there differs
from the definitions; what is there besides (a column of earlier definitions) is named and harmless.";

/// Create the keyspace, tables, indices and collections that are missing
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    patience: crate::commands::Patience,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let settings = invocation.settings(&[])?.settings;
    let (stack, catalog) = (
        Stack::open(&settings).await?,
        stack::load_catalog(&settings)?,
    );
    let clock = runtime::SystemClock;
    let migrate = async || {
        Ok(prepare::prepare_stores(&catalog, stack.record.as_ref(), stack.view(), &clock).await?)
    };
    let prepared = retry_with_patience(arguments.patience.limit(), migrate).await?;
    stack.close().await;
    invocation.output.result(&prepared, migration_text)?;
    match prepared.drift().next() {
        None => Ok(()),
        Some(_) => Err(Failure::failed(
            "something that is there differs from the definitions; it was left as it is",
        )),
    }
}

fn migration_text(prepared: &Prepared) -> String {
    let created: Vec<&String> = prepared
        .reports()
        .flat_map(|report| &report.created)
        .collect();
    let unchanged: usize = prepared.reports().map(|report| report.unchanged).sum();
    let mut text: String = created
        .iter()
        .map(|name| format!("created  {name}\n"))
        .collect();
    text += &prepared
        .drift()
        .map(|drift| format!("differs  {drift}\n"))
        .collect::<String>();
    text += &prepared
        .undeclared()
        .map(|undeclared| format!("besides  {undeclared}\n"))
        .collect::<String>();
    text + &format!(
        "{} created, {unchanged} as they must be, {} differ\n",
        created.len(),
        prepared.drift().count()
    )
}
