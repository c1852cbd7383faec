//! Who of a group gets which partitions. Pure: fair to within one partition, and moves no more than
//! fairness needs.

use std::collections::{BTreeMap, BTreeSet};

/// What each member owns.
pub(super) type Shares = BTreeMap<u64, BTreeSet<u16>>;

/// The shares that make `now` fair. Partitions that nobody has are given out, members keep what
/// they may.
pub(super) fn balance_shares(now: &Shares, partitions: u16) -> Shares {
    let mut order: Vec<_> = now.keys().copied().collect();
    // Whoever has most keeps the odd ones, so that they need not move.
    order.sort_by_key(|member| (std::cmp::Reverse(now[member].len()), *member));
    let members = order.len().max(1);
    let (quota, odd) = (
        usize::from(partitions) / members,
        usize::from(partitions) % members,
    );
    let quotas: Vec<_> = order
        .iter()
        .enumerate()
        .map(|(at, member)| (*member, quota + usize::from(at < odd)))
        .collect();
    let mut shares = Shares::new();
    let mut free: BTreeSet<u16> = (0..partitions).collect();
    for (member, quota) in &quotas {
        let kept: BTreeSet<u16> = now[member]
            .iter()
            .copied()
            .filter(|partition| *partition < partitions)
            .take(*quota)
            .collect();
        free.retain(|partition| !kept.contains(partition));
        shares.insert(*member, kept);
    }
    for (member, quota) in quotas {
        let share = shares.entry(member).or_default();
        while share.len() < quota {
            let Some(partition) = free.pop_first() else {
                break;
            };
            share.insert(partition);
        }
    }
    shares
}

#[cfg(test)]
mod tests;
