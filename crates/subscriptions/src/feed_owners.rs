//! Which notifier's feed of each partition is accepted, and how far it is. Pure.

use event_schema::notification::{FeedOwner, FeedPosition};

/// By partition, the newest claim that was seen, and how far its feed is.
pub(crate) struct FeedOwners {
    claims: Vec<Option<u64>>,
    positions: Vec<FeedPosition>,
}

impl FeedOwners {
    pub fn new(partitions: u16) -> Self {
        let count = usize::from(partitions);
        Self {
            claims: vec![None; count],
            positions: vec![FeedPosition::default(); count],
        }
    }

    /// Takes note of how far a partition is. False, and nothing is noted: a newer claim was seen
    /// before, so this is a zombie's. What it sent before the newer owner's first record counts: the
    /// newer owner may rely on it, and begins behind it.
    pub fn accept(&mut self, owner: &FeedOwner) -> bool {
        let at = usize::from(owner.partition);
        let Some(claim) = self.claims.get_mut(at) else {
            return false;
        };
        if *claim > Some(owner.claim) {
            return false;
        }
        *claim = Some(owner.claim);
        self.positions[at] = owner.position;
        true
    }

    /// How far all are; `None` while one is not known.
    pub fn positions(&self) -> Option<&[FeedPosition]> {
        self.claims
            .iter()
            .all(Option::is_some)
            .then_some(&self.positions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(claim: u64, next: u64) -> FeedOwner {
        FeedOwner {
            partition: 1,
            claim,
            position: FeedPosition {
                next: event_schema::offset::ChangesOffset::new(next),
                ..FeedPosition::default()
            },
        }
    }

    #[test]
    fn the_newest_claim_is_accepted_and_older_ones_are_not() {
        let mut owners = FeedOwners::new(2);
        assert_eq!(owners.positions(), None);
        let other = |claim, next| FeedOwner {
            partition: 0,
            ..owner(claim, next)
        };
        assert!(owners.accept(&other(1, 4)));
        assert!(owners.accept(&owner(5, 10)) && owners.accept(&owner(5, 20)));
        assert!(
            owners.accept(&owner(8, 15)),
            "the next owner may begin further back"
        );
        assert!(!owners.accept(&owner(5, 21)), "the one before is a zombie");
        let next: Vec<u64> = owners
            .positions()
            .unwrap()
            .iter()
            .map(|position| position.next.get())
            .collect();
        assert_eq!(next, [4, 15]);
        let unknown = FeedOwner {
            partition: 2,
            ..owner(9, 1)
        };
        assert!(!owners.accept(&unknown), "no such partition");
    }
}
