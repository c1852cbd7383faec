//! Sessions that began, kept by their user so that they can be seen. Only those that are still
//! honoured are told of. See ADR 34.

use super::{Account, Accounts, damaged_error, system, table_row};
use event_schema::mutation::RowKey;
use serde::Deserialize;
use serde_json::{Value, json};
use store::{
    StoreError,
    document::{RowScan, StoredRow},
};

/// Rows that are looked at at once.
const PAGE: usize = 500;

/// A session that goes on. Times: Unix milliseconds.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct OpenSession {
    #[serde(skip)]
    pub sid: String,
    sessions: String,
    pub began: i64,
    #[serde(default)]
    pub refreshed: Option<i64>,
    pub until: i64,
    /// From where it was begun.
    #[serde(default)]
    pub address: Option<String>,
}

/// Some of a user's sessions, in the order of their ids.
#[derive(Debug, Default)]
pub(crate) struct SessionPage {
    pub sessions: Vec<OpenSession>,
    /// The id behind which there may be more.
    pub next: Option<String>,
}

impl OpenSession {
    fn read((key, row): (RowKey, StoredRow)) -> Result<Self, StoreError> {
        let session = serde_json::from_value(Value::Object(row.cells)).map_err(damaged_error)?;
        let sid = sid_of(&key);
        Ok(Self { sid, ..session })
    }

    fn goes_on(&self, account: &Account, now: i64) -> bool {
        self.until > now && account.honours_session(&self.sessions, &self.sid)
    }
}

fn sid_of(key: &RowKey) -> String {
    let sid = key.key.get("sid").and_then(Value::as_str);
    sid.unwrap_or_default().to_owned()
}

fn session_end(sid: &str) -> RowKey {
    table_row(system::SESSIONS, json!({"sid": sid, "jti": "*"}))
}

impl Accounts {
    /// Those of a user behind an id.
    pub(crate) async fn open_sessions(
        &self,
        kuid: &str,
        after: Option<String>,
        now: i64,
    ) -> Result<SessionPage, StoreError> {
        let Some(account) = self.account(kuid).await? else {
            return Ok(SessionPage::default());
        };
        let user = table_row(system::OPEN_SESSIONS, json!({"kuid": kuid}));
        let scan = RowScan {
            table: user.table,
            partition: user.key,
            after,
            limit: PAGE,
        };
        let rows = self.record.scan_rows(&scan).await?;
        let last = rows.last().map(|(key, _)| sid_of(key));
        let next = last.filter(|_| rows.len() == PAGE);
        let sessions: Result<Vec<OpenSession>, _> =
            rows.into_iter().map(OpenSession::read).collect();
        let mut sessions = sessions?;
        sessions.retain(|session| session.goes_on(&account, now));
        let ends: Vec<RowKey> = sessions
            .iter()
            .map(|session| session_end(&session.sid))
            .collect();
        let ended = self.record.rows(&ends).await?;
        let with_ends = sessions.into_iter().zip(ended);
        let sessions = with_ends.filter_map(|(session, end)| end.is_none().then_some(session));
        Ok(SessionPage {
            sessions: sessions.collect(),
            next,
        })
    }

    /// The session of this id, if it is one of this user's.
    pub(crate) async fn open_session(
        &self,
        kuid: &str,
        sid: &str,
        now: i64,
    ) -> Result<Option<OpenSession>, StoreError> {
        let key = table_row(system::OPEN_SESSIONS, json!({"kuid": kuid, "sid": sid}));
        let keys = [key.clone(), session_end(sid)];
        let (account, rows) = futures::try_join!(self.account(kuid), self.record.rows(&keys))?;
        let mut rows = rows.into_iter();
        let (Some(row), None) = (rows.next().flatten(), rows.next().flatten()) else {
            return Ok(None);
        };
        let session = OpenSession::read((key, row))?;
        Ok(account
            .filter(|account| session.goes_on(account, now))
            .map(|_| session))
    }
}
