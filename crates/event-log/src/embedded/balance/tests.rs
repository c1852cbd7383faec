use super::*;
use proptest::prelude::*;

fn shares(of: &[(u64, &[u16])]) -> Shares {
    of.iter()
        .map(|(member, share)| (*member, share.iter().copied().collect()))
        .collect()
}

#[test]
fn a_newcomer_gets_only_its_share() {
    assert_eq!(
        balance_shares(&shares(&[(1, &[0, 1, 2, 3, 4, 5]), (2, &[])]), 6),
        shares(&[(1, &[0, 1, 2]), (2, &[3, 4, 5])])
    );
}

#[test]
fn the_odd_one_stays_where_it_is() {
    assert_eq!(
        balance_shares(&shares(&[(1, &[0]), (2, &[1, 2])]), 3),
        shares(&[(1, &[0]), (2, &[1, 2])])
    );
}

#[test]
fn more_members_than_partitions() {
    assert_eq!(
        balance_shares(&shares(&[(1, &[0]), (2, &[]), (3, &[])]), 1),
        shares(&[(1, &[0]), (2, &[]), (3, &[])])
    );
}

#[test]
fn nobody() {
    assert_eq!(balance_shares(&Shares::new(), 4), Shares::new());
}

proptest! {
    #[test]
    fn fair_whole_and_no_more_moves_than_needed(owners in proptest::collection::vec(0_u64..6, 1..40), members in 1_u64..6) {
        let partitions = u16::try_from(owners.len()).unwrap();
        let mut now: Shares = (0..members).map(|member| (member, BTreeSet::new())).collect();
        for (partition, owner) in (0..).zip(&owners) {
            if let Some(share) = now.get_mut(owner) {
                share.insert(partition);
            }
        }
        let then = balance_shares(&now, partitions);
        let all: Vec<u16> = then.values().flatten().copied().collect();
        prop_assert_eq!(all.len(), owners.len());
        prop_assert_eq!(all.into_iter().collect::<BTreeSet<_>>().len(), owners.len());
        let sizes: Vec<usize> = then.values().map(BTreeSet::len).collect();
        let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
        prop_assert!(most - least <= 1);
        for (member, share) in &now {
            // Whoever loses something keeps at least the smaller fair share.
            let kept = share.intersection(&then[member]).count();
            prop_assert!(kept == share.len() || kept >= *least);
        }
        prop_assert_eq!(balance_shares(&then, partitions), then);
    }
}
