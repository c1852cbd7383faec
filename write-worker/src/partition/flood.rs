//! A partition that waits because of a flood of dead letters, until a person lets it pass or it is
//! time to try again. Nothing is appended meanwhile; whoever takes the partition over waits as well.

use super::PartitionTask;
use crate::tenure_end::TenureEnd;
use event_schema::flood::DeadLetterFlood;
use std::time::Duration;

/// How often a permission is looked for.
const LOOKED_FOR: Duration = Duration::from_millis(500);

impl PartitionTask {
    /// Waits; then the event is tried again, whatever ended the wait.
    pub(super) async fn wait_for_passage(&self, flood: &DeadLetterFlood) -> Result<(), TenureEnd> {
        let worker = &self.worker;
        worker.keep_flood(flood).await;
        let again = Duration::from_millis(worker.config.flood_retry_ms);
        let mut tried_again = std::pin::pin!(tokio::time::sleep(again));
        loop {
            // A tenure that lasts is taken for a good one, which ends what was shown.
            self.owned.waits(flood_message(flood));
            if worker.is_let_pass(flood).await {
                worker.end_flood(self.partition).await;
                self.owned.progressed();
                return Ok(());
            }
            tokio::select! {
                biased;
                () = self.owned.shutdown().soft() => return Err(TenureEnd::Stopped),
                () = &mut tried_again => return Ok(()),
                () = tokio::time::sleep(LOOKED_FOR) => {}
            }
        }
    }
}

fn flood_message(flood: &DeadLetterFlood) -> String {
    format!(
        "a flood of dead letters: {} of `{}` within the window, and the event at {} would be the next ({}: {}); `consign dlq pass --operation {}` lets them happen",
        flood.letters, flood.operation, flood.offset, flood.code, flood.message, flood.operation
    )
}
