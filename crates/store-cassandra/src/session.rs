//! The connection: made on first use, bounded in time and in statements under way, statements
//! prepared once. Must never be held across a decision: it knows statements, not what they are for.

use crate::{
    STORE,
    classify::{self, CassandraFailure},
    config::{Config, Consistency},
    tls,
};
use parking_lot::RwLock;
use scylla::{
    client::{
        execution_profile::ExecutionProfile, session::Session, session_builder::SessionBuilder,
    },
    policies::load_balancing::DefaultPolicy,
    response::query_result::QueryResult,
    serialize::row::SerializeRow,
    statement::{batch::Batch, prepared::PreparedStatement},
};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

pub(crate) struct SessionConnection {
    config: Config,
    session: OnceCell<Session>,
    statements: RwLock<HashMap<String, Arc<PreparedStatement>>>,
    slots: Semaphore,
}

impl SessionConnection {
    pub(crate) fn new(config: Config) -> Self {
        let slots = Semaphore::new(config.in_flight);
        Self {
            config,
            session: OnceCell::new(),
            statements: RwLock::default(),
            slots,
        }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// A table of the keyspace as statements name it.
    pub(crate) fn keyspace(&self) -> &str {
        &self.config.keyspace
    }

    pub(crate) fn table(&self, name: &str) -> String {
        format!(
            "{}.{}",
            quoted_name(&self.config.keyspace),
            quoted_name(name)
        )
    }

    pub(crate) async fn session(&self) -> Result<&Session, CassandraFailure> {
        self.session
            .get_or_try_init(|| connect_session(&self.config))
            .await
    }

    /// Prepares a statement, or finds it prepared. All of ours may be repeated: timestamps order
    /// them, and who takes a claim twice has it.
    pub(crate) async fn prepare(
        &self,
        text: &str,
    ) -> Result<Arc<PreparedStatement>, CassandraFailure> {
        if let Some(known) = self.statements.read().get(text) {
            return Ok(Arc::clone(known));
        }
        let mut statement = self
            .session()
            .await?
            .prepare(text)
            .await
            .map_err(|e| classify::preparing_failure(&e))?;
        statement.set_is_idempotent(true);
        let statement = Arc::new(statement);
        self.statements
            .write()
            .insert(text.to_owned(), Arc::clone(&statement));
        Ok(statement)
    }

    /// Forgets what was prepared and prepares it afresh: fails where the table is not what the
    /// statement needs any more.
    pub(crate) async fn prepare_again(&self, text: &str) -> Result<(), CassandraFailure> {
        self.statements.write().remove(text);
        self.prepare(text).await.map(drop)
    }

    pub(crate) async fn execute(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<QueryResult, CassandraFailure> {
        let session = self.session().await?;
        let _slot = self.slot().await?;
        session
            .execute_unpaged(statement, values)
            .await
            .map_err(|e| classify::executing_failure(&e))
    }

    pub(crate) async fn execute_batch<T: SerializeRow>(
        &self,
        batch: &Batch,
        values: &[T],
    ) -> Result<(), CassandraFailure> {
        let session = self.session().await?;
        let _slot = self.slot().await?;
        session
            .batch(batch, values)
            .await
            .map(drop)
            .map_err(|e| classify::executing_failure(&e))
    }

    /// Text of ours, prepared and run.
    pub(crate) async fn run(
        &self,
        text: &str,
        values: impl SerializeRow,
    ) -> Result<QueryResult, CassandraFailure> {
        let statement = self.prepare(text).await?;
        match self.execute(&statement, values).await {
            Err(CassandraFailure::Suspect(message)) => Err(self.suspect(text, message).await),
            other => other,
        }
    }

    /// Cassandra says `Invalid` to a bad value and to a missing table alike; a statement that can
    /// still be prepared had a bad value.
    pub(crate) async fn suspect(&self, text: &str, message: String) -> CassandraFailure {
        match self.prepare_again(text).await {
            Ok(()) => CassandraFailure::Permanent {
                code: "invalid",
                message,
            },
            Err(failure) => failure,
        }
    }

    async fn slot(&self) -> Result<SemaphorePermit<'_>, CassandraFailure> {
        self.slots
            .acquire()
            .await
            .map_err(|_| CassandraFailure::Transient("the store is closed".to_owned()))
    }
}

/// A name as the catalog spells it: names are always quoted, so that capital letters, keywords and
/// spaces keep. A name in lower-case letters is the same as that name unquoted, which is what other
/// tools write: catalogs do well to use those.
pub(crate) fn quoted_name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

async fn connect_session(config: &Config) -> Result<Session, CassandraFailure> {
    let consistency = match config.consistency {
        Consistency::LocalQuorum => scylla::statement::Consistency::LocalQuorum,
        Consistency::Quorum => scylla::statement::Consistency::Quorum,
        Consistency::LocalOne => scylla::statement::Consistency::LocalOne,
    };
    let mut policy = DefaultPolicy::builder();
    if let Some(datacenter) = &config.datacenter {
        policy = policy.prefer_datacenter(datacenter.clone());
    }
    let profile = ExecutionProfile::builder()
        .consistency(consistency)
        .serial_consistency(Some(scylla::statement::SerialConsistency::LocalSerial))
        .request_timeout(Some(config.request_timeout()))
        .load_balancing_policy(policy.build())
        .build();
    let mut builder = SessionBuilder::new()
        .known_nodes(&config.nodes)
        .connection_timeout(config.connect_timeout())
        .keepalive_interval(Duration::from_secs(5))
        // A node that collects garbage for seconds is slow, not gone: its connections are kept for as
        // long as a statement may take.
        .keepalive_timeout(config.request_timeout())
        // Nothing here asks what a table is like by way of the driver; a migration would read the whole
        // schema anew behind each of its statements.
        .refresh_metadata_on_auto_schema_agreement(false)
        .keyspaces_to_fetch([config.keyspace.clone()])
        .schema_agreement_timeout(Duration::from_secs(30))
        .default_execution_profile_handle(profile.into_handle());
    if let Some(user) = &config.user {
        builder = builder.user(
            user,
            config.password.as_ref().map_or("", |secret| &secret.0),
        );
    }
    let mut refused = None;
    if config.tls {
        let (tls, certificate) = tls::client_config(config).map_err(CassandraFailure::Denied)?;
        builder = builder.tls_context(Some(tls));
        refused = Some(certificate);
    }
    // A frozen node takes connections and never answers: the driver would try for longer than a
    // caller can wait.
    let patience = config.connect_timeout() * 2;
    match tokio::time::timeout(patience, builder.build()).await {
        Ok(Ok(session)) => Ok(session),
        Ok(Err(e)) => {
            let certificate = refused.and_then(|certificate| certificate.reason());
            let nodes = config.nodes.join(", ");
            Err(classify::connecting_failure(&nodes, &e, certificate))
        }
        Err(_) => Err(CassandraFailure::Transient(format!(
            "no answer from {} within {} s",
            config.nodes.join(", "),
            patience.as_secs()
        ))),
    }
}

impl CassandraFailure {
    /// As the error of a whole call.
    pub(crate) fn into_error(self) -> store::StoreError {
        match self {
            Self::Transient(why) => store::StoreError::Unavailable { store: STORE, why },
            Self::Denied(why) => store::StoreError::Denied { store: STORE, why },
            Self::Permanent { message, .. } | Self::Suspect(message) => {
                store::StoreError::Refused {
                    store: STORE,
                    why: message,
                }
            }
            Self::NotPrepared(why) => store::StoreError::NotMigrated { store: STORE, why },
        }
    }
}
