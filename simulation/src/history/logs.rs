//! The log of a history as a person reads it when something in it went wrong.

use super::{History, PARTITIONS};
use crate::process::BEGIN;
use event_schema::{
    codec::{self, Parts},
    decision::Change,
    id::RequestId,
    topics,
};
use std::fmt::Write as _;

impl History {
    /// Both topics as they stand, for people.
    pub(super) fn logs(&self) -> String {
        let mut text = String::new();
        for partition in 0..PARTITIONS {
            for topic in [&topics::TRANSACTIONS, &topics::CHANGES] {
                let name = self.layout.name(topic);
                _ = writeln!(text, "{name} {partition}");
                for record in self.log.all(&name, partition) {
                    _ = writeln!(text, "{:>8} {}", record.offset, self.shown(record.clone()));
                }
            }
        }
        text
    }

    fn shown(&self, record: event_log::Record) -> String {
        let at = record.timestamp - BEGIN;
        let parts = Parts {
            key: record.key,
            value: record.value,
            headers: record.headers,
        };
        let what = match codec::decode_change(&parts) {
            Ok(Change::Decision(decision)) => format!(
                "epoch {} at {} of {} {} {:?} replaces {:?}",
                decision.epoch,
                decision.at,
                decision.position,
                decision.request,
                decision.verdict,
                decision.replaces
            ),
            Ok(Change::Open(open)) => format!("open {}", open.owner),
            Ok(Change::Mark(mark)) => format!(
                "epoch {} at {} mark next {} through {}",
                mark.epoch, mark.at, mark.next, mark.through
            ),
            Ok(Change::Void(void)) => format!(
                "epoch {} at {} void of {} {} {:?}",
                void.epoch, void.at, void.position, void.request, void.ends
            ),
            Err(_) => {
                let id = codec::header_text(&parts, "ce_id").unwrap_or("?");
                let unique = RequestId::parse_trusted(id).map(|id| id.unique());
                let asked = unique.ok().and_then(|unique| self.maker.asked.get(&unique));
                format!("{id} {asked:?}")
            }
        };
        format!("{at:>8} {what}")
    }
}
