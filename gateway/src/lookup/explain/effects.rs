//! What came of a decision: notifications, what the stores hold, the verdicts of its parts.

use super::{
    explanation::{ExplainedDocument, ExplainedPart, RequestExplanation},
    log_records::ToldRecord,
};
use crate::{app::App, audits::HiddenNames, error::Problem, read::parts};
use event_schema::{
    decision::Change, id::RequestId, mutation::DocumentKey, outcome::LedgerEntry,
    position::Version, topics::CHANGES,
};

/// Documents whose state in the stores is told.
const DOCUMENTS: usize = 20;

impl RequestExplanation {
    pub(super) async fn tell_notification(&mut self, app: &App, records: &[ToldRecord]) {
        let Some(told) = records.last() else { return };
        let documents = match &told.change {
            Change::Decision(decision) if !decision.silent => decision.documents.len(),
            Change::Void(void) if !void.silent => void.documents.len(),
            _ => 0,
        };
        if documents == 0 {
            let detail = "it changed no document, so there is nothing to notify".to_owned();
            return self.step("notified", None, detail);
        }
        let layout = &app.ports.layout;
        let (group, topic) = (layout.notifier_group(), layout.name(&CHANGES));
        let groups = &app.ports.log.groups;
        let committed = groups.committed(&group, &topic, self.partition).await;
        let detail = match committed {
            Ok(Some(committed)) if committed.offset > told.offset.get() => {
                format!("{documents} changes were offered to every subscriber that they match")
            }
            Ok(Some(committed)) => format!(
                "not yet: the notifiers are at offset {} of `changes`",
                committed.offset
            ),
            Ok(None) => "no notifier has read this partition yet".to_owned(),
            Err(error) => format!("the notifiers cannot be asked: {error}"),
        };
        self.step("notified", None, detail);
    }

    pub(super) async fn tell_stores(
        &mut self,
        app: &App,
        last: Option<&ToldRecord>,
    ) -> Result<(), Problem> {
        let Some(told) = last else { return Ok(()) };
        let changes = match &told.change {
            Change::Decision(decision) => &decision.documents,
            Change::Void(void) => &void.documents,
            Change::Open(_) | Change::Mark(_) => return Ok(()),
        };
        let changes: Vec<_> = changes.iter().take(DOCUMENTS).collect();
        let keys: Vec<DocumentKey> = changes.iter().map(|change| change.key.clone()).collect();
        let version = Version::new(app.ports.layout.generation, told.offset);
        let stored = app.ports.record.documents(&keys).await?;
        let view = app.ports.view.as_ref().filter(|view| !view.is_record());
        let viewed = match view {
            Some(view) => Some(view.held(&keys).await?),
            None => None,
        };
        let catalog = app.ports.catalog.current();
        let hidden = HiddenNames {
            catalog: &catalog,
            keys: &app.ports.keys,
        };
        for (n, change) in changes.into_iter().enumerate() {
            let of_record = stored[n].as_ref().map(|stored| stored.meta.version);
            let of_view = viewed.as_ref().map(|viewed| {
                let viewed = viewed[n].as_ref();
                standing_text(viewed.and_then(|viewed| viewed.version), version)
            });
            self.documents.push(ExplainedDocument {
                document: hidden.document(&change.key),
                version: change.revision,
                record: standing_text(of_record, version),
                view: of_view,
            });
        }
        Ok(())
    }

    pub(super) async fn tell_parts(
        &mut self,
        app: &App,
        records: &[ToldRecord],
        entry: Option<&LedgerEntry>,
    ) -> Result<(), Problem> {
        let decided = records.iter().rev().find_map(|told| match &told.change {
            Change::Decision(decision) => Some(&decision.parts),
            _ => None,
        });
        let requests: Vec<RequestId> = match (decided, entry) {
            (Some(parts), _) => parts.iter().map(|part| part.request).collect(),
            (None, Some(entry)) => entry.parts.clone(),
            (None, None) => Vec::new(),
        };
        let entries = parts::part_entries(app.ports.record.as_ref(), &requests).await?;
        for (request, entry) in requests.into_iter().zip(entries) {
            let verdict = entry.as_ref().map(|entry| entry.verdict.clone());
            let (operation, key) = entry.map(|entry| (entry.operation, entry.key.0)).unzip();
            self.parts.push(ExplainedPart {
                request_id: request,
                partition: request.partition(),
                operation,
                key,
                verdict,
            });
        }
        Ok(())
    }
}

fn standing_text(stands: Option<Version>, ours: Version) -> &'static str {
    match stands {
        None => "absent",
        Some(stands) if stands == ours => "current",
        Some(stands) if stands > ours => "a newer version",
        Some(_) => "an older version",
    }
}
