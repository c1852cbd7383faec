//! What travels together. Statements on one partition go as one unlogged batch: they become one
//! mutation, whole or not at all. Small writes of several partitions share one too, which halves
//! the work of a busy node; nothing is promised about those together. A batch that is refused is
//! taken apart, so that one bad write costs nobody else.

use super::Unit;
use crate::{classify::CassandraFailure, session::SessionConnection};
use futures::{StreamExt, stream};
use scylla::statement::batch::{Batch, BatchType};
use std::collections::HashMap;
use store::ItemVerdict;

/// One partition's statements may be as large as a message; kept well below the smallest usual
/// limit of one.
const PARTITION_BYTES: usize = 1 << 20;
/// From this many partitions on, Cassandra warns.
const PARTITIONS: usize = 10;
const STATEMENTS: usize = 400;

pub(crate) async fn send_units(
    connection: &SessionConnection,
    units: Vec<Unit<'_>>,
    verdicts: &mut [Option<ItemVerdict>],
) {
    let groups = pack_units(units, connection.config().batch_bytes);
    let groups: Vec<_> = groups
        .into_iter()
        .map(|group| send_group(connection, group))
        .collect();
    let mut sent = stream::iter(groups).buffer_unordered(connection.config().in_flight);
    while let Some(answers) = sent.next().await {
        for (item, verdict) in answers {
            verdicts[item] = Some(verdict);
        }
    }
}

/// Groups in which statements of one partition keep their order.
pub(crate) fn pack_units<'a>(units: Vec<Unit<'a>>, limit: usize) -> Vec<Vec<Unit<'a>>> {
    let mut partitions: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut groups: Vec<Vec<Unit<'a>>> = Vec::new();
    for unit in units {
        let known = partitions.get(&unit.partition).copied().filter(|n| {
            let group = &groups[*n];
            let (size, statements) = group_size(group);
            size + unit.size <= PARTITION_BYTES && statements + unit.statements.len() <= STATEMENTS
        });
        match known {
            Some(n) => groups[n].push(unit),
            None => {
                partitions.insert(unit.partition.clone(), groups.len());
                groups.push(vec![unit]);
            }
        }
    }
    let mut packed: Vec<(usize, usize, Vec<Unit<'a>>)> = Vec::new();
    for group in groups {
        let (size, _) = group_size(&group);
        match packed.last_mut() {
            Some((total, count, last)) if *total + size <= limit && *count < PARTITIONS => {
                *total += size;
                *count += 1;
                last.extend(group);
            }
            _ => packed.push((size, 1, group)),
        }
    }
    packed.into_iter().map(|(.., group)| group).collect()
}

fn group_size(group: &[Unit<'_>]) -> (usize, usize) {
    group.iter().fold((0, 0), |(size, statements), unit| {
        (size + unit.size, statements + unit.statements.len())
    })
}

async fn send_group(
    connection: &SessionConnection,
    group: Vec<Unit<'_>>,
) -> Vec<(usize, ItemVerdict)> {
    match run_group(connection, &group.iter().collect::<Vec<_>>()).await {
        Ok(()) => group
            .iter()
            .map(|unit| (unit.item, ItemVerdict::Done))
            .collect(),
        Err(CassandraFailure::Permanent { .. } | CassandraFailure::Suspect(_))
            if group.len() > 1 =>
        {
            let mut answers = Vec::with_capacity(group.len());
            for unit in &group {
                answers.push((unit.item, run_one(connection, unit).await));
            }
            answers
        }
        Err(CassandraFailure::Suspect(message)) => {
            let failure = second_look(connection, &group[0], message).await;
            vec![(group[0].item, failure.into_verdict())]
        }
        Err(failure) => group
            .iter()
            .map(|unit| (unit.item, failure.clone().into_verdict()))
            .collect(),
    }
}

async fn run_one(connection: &SessionConnection, unit: &Unit<'_>) -> ItemVerdict {
    match run_group(connection, &[unit]).await {
        Ok(()) => ItemVerdict::Done,
        Err(CassandraFailure::Suspect(message)) => {
            second_look(connection, unit, message).await.into_verdict()
        }
        Err(failure) => failure.into_verdict(),
    }
}

async fn second_look(
    connection: &SessionConnection,
    unit: &Unit<'_>,
    message: String,
) -> CassandraFailure {
    for (statement, _) in &unit.statements {
        if let failure @ (CassandraFailure::NotPrepared(_) | CassandraFailure::Transient(_)) =
            connection
                .suspect(statement.get_statement(), message.clone())
                .await
        {
            return failure;
        }
    }
    CassandraFailure::Permanent {
        code: "invalid",
        message,
    }
}

async fn run_group(
    connection: &SessionConnection,
    units: &[&Unit<'_>],
) -> Result<(), CassandraFailure> {
    let mut statements = units.iter().flat_map(|unit| &unit.statements);
    if let (Some((statement, values)), None) = (statements.next(), statements.next()) {
        return connection.execute(statement, values).await.map(drop);
    }
    let mut batch = Batch::new(BatchType::Unlogged);
    batch.set_is_idempotent(true);
    let mut bound = Vec::new();
    for (statement, values) in units.iter().flat_map(|unit| &unit.statements) {
        batch.append_statement((**statement).clone());
        bound.push(values);
    }
    connection.execute_batch(&batch, &bound).await
}

#[cfg(test)]
mod tests;
