//! Idempotency keys that a record store may have forgotten are taken again, before anything else of
//! what stood is. A key is first taken when its event is decided; whoever took one that was forgotten
//! meanwhile keeps it.

use super::Applier;
use crate::{effects::Effects, record_retry::RecordPart, tenure_end::TenureEnd};
use futures::future::try_join_all;
use store::ClaimOutcome;

/// Asked for at a time.
const AT_ONCE: usize = 32;

impl Applier<'_> {
    pub async fn claim_again(&self, effects: &[Effects]) -> Result<(), TenureEnd> {
        let held: Vec<_> = effects
            .iter()
            .filter_map(|effect| Some((effect.claim.as_ref()?, effect.request)))
            .collect();
        let record = &self.worker.ports.record;
        for some in held.chunks(AT_ONCE) {
            self.prove_ownership().await?;
            let claims = some.iter().map(|(claim, request)| {
                let claim = move || record.claim(claim, request);
                self.worker
                    .retry_until_answered(RecordPart::Contents, claim)
            });
            for (outcome, (_, request)) in try_join_all(claims).await?.into_iter().zip(some) {
                if let ClaimOutcome::Theirs(other) = outcome
                    && other.unique() != request.unique()
                {
                    tracing::warn!(%request, %other, "an idempotency key was forgotten and is another request's now");
                }
            }
        }
        Ok(())
    }
}
