//! The pieces of a file as the record keeps them, behind the events that hold them. It waits for a
//! piece as long as it is asked to, and changes nothing.

use crate::{app::Shared, error::Problem};
use event_schema::mutation::RowKey;
use sealing::SealedBoundary;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::time::Duration;

const POLL: Duration = Duration::from_millis(50);
const TABLE: &str = "bulk_upload_chunk";

pub(crate) struct KeptFile<'a> {
    pub app: &'a Shared,
    pub process: &'a str,
}

impl KeptFile<'_> {
    /// A piece, once its event is applied.
    pub(crate) async fn piece(&self, number: u64) -> Result<String, Problem> {
        let key = Map::from_iter([
            ("processid".to_owned(), self.process.into()),
            ("number".to_owned(), number.into()),
        ]);
        let table = TABLE.to_owned();
        let keys = [RowKey { table, key }];
        loop {
            let found = self.app.ports.record.rows(&keys).await?;
            if let Some(row) = found.into_iter().flatten().next() {
                return self.opened(row.cells).await;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Of so many pieces together.
    pub(crate) async fn digest(&self, pieces: u64) -> Result<[u8; 32], Problem> {
        let mut digest = Sha256::new();
        for number in 0..pieces {
            digest.update(self.piece(number).await?);
        }
        Ok(digest.finalize().into())
    }

    async fn opened(&self, mut cells: Map<String, Value>) -> Result<String, Problem> {
        let sealing = &self.app.ports.sealing;
        let subject = format!("upload/{}", self.process);
        let subject = sealing.known(sealing.id(&subject)).await?;
        let catalog = self.app.ports.catalog.current();
        let boundary = SealedBoundary {
            marks: catalog.sealed(),
            secret: sealing.secret(),
            subject: Some(&subject),
        };
        boundary.open_row(TABLE, &mut cells);
        let text = cells.get("data").and_then(Value::as_str);
        Ok(text.unwrap_or_default().to_owned())
    }
}
