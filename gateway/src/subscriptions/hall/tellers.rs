//! Who tells what of each partition, and how far it is told here. Pure.

use event_schema::notification::{Point, Teller};

/// By partition, the newest claim that was heard of, and how far whoever has it is.
pub(super) struct Tellers {
    claims: Vec<Option<u64>>,
    points: Vec<Point>,
}

impl Tellers {
    pub fn new(partitions: u16) -> Self {
        let count = usize::from(partitions);
        Self {
            claims: vec![None; count],
            points: vec![Point::default(); count],
        }
    }

    /// Takes note of how far a partition is. False, and nothing is noted: a newer claim was heard
    /// of before, so what this one says counts for nobody. What it sent before the newer one's
    /// first mail counts: the newer one may rely on it, and begins behind it.
    pub fn hear(&mut self, teller: &Teller) -> bool {
        let at = usize::from(teller.partition);
        let Some(claim) = self.claims.get_mut(at) else {
            return false;
        };
        if *claim > Some(teller.claim) {
            return false;
        }
        *claim = Some(teller.claim);
        self.points[at] = teller.point;
        true
    }

    /// How far all are; `None` while one was not heard of.
    pub fn points(&self) -> Option<&[Point]> {
        self.claims
            .iter()
            .all(Option::is_some)
            .then_some(&self.points)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn teller(claim: u64, next: u64) -> Teller {
        Teller {
            partition: 1,
            claim,
            point: Point {
                next,
                ..Point::default()
            },
        }
    }

    #[test]
    fn the_newest_claim_is_heard_and_older_ones_are_not() {
        let mut tellers = Tellers::new(2);
        assert_eq!(tellers.points(), None);
        assert!(tellers.hear(&Teller {
            partition: 0,
            ..teller(1, 4)
        }));
        assert!(tellers.hear(&teller(5, 10)) && tellers.hear(&teller(5, 20)));
        assert!(
            tellers.hear(&teller(8, 15)),
            "who takes over may begin further back"
        );
        assert!(
            !tellers.hear(&teller(5, 21)),
            "the one before says nothing new any more"
        );
        let next: Vec<u64> = tellers
            .points()
            .unwrap()
            .iter()
            .map(|point| point.next)
            .collect();
        assert_eq!(next, [4, 15]);
        assert!(
            !tellers.hear(&Teller {
                partition: 2,
                ..teller(9, 1)
            }),
            "no such partition"
        );
    }
}
