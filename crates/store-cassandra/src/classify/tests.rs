//! A row per answer of the server and the driver.

use super::{CassandraFailure, executing_failure, preparing_failure};
use scylla::errors::{
    BadQuery, DbError, ExecutionError, OperationType, PrepareError, RequestAttemptError, WriteType,
};
use scylla::statement::Consistency::LocalQuorum;
use std::time::Duration;

fn kind(failure: &CassandraFailure) -> &'static str {
    match failure {
        CassandraFailure::Transient(_) => "transient",
        CassandraFailure::Permanent { code, .. } => code,
        CassandraFailure::Suspect(_) => "suspect",
        CassandraFailure::NotPrepared(_) => "not prepared",
        CassandraFailure::Denied(_) => "denied",
    }
}

fn answers() -> Vec<(DbError, &'static str)> {
    let write_timeout = |write_type| DbError::WriteTimeout {
        consistency: LocalQuorum,
        received: 0,
        required: 1,
        write_type,
    };
    vec![
        (DbError::SyntaxError, "syntax"),
        (DbError::Invalid, "suspect"),
        (
            DbError::AlreadyExists {
                keyspace: "k".into(),
                table: "t".into(),
            },
            "already_exists",
        ),
        (
            DbError::FunctionFailure {
                keyspace: "k".into(),
                function: "f".into(),
                arg_types: vec![],
            },
            "function_failure",
        ),
        (DbError::AuthenticationError, "denied"),
        (DbError::Unauthorized, "denied"),
        (DbError::ConfigError, "transient"),
        (
            DbError::Unavailable {
                consistency: LocalQuorum,
                required: 2,
                alive: 1,
            },
            "transient",
        ),
        (DbError::Overloaded, "transient"),
        (DbError::IsBootstrapping, "transient"),
        (DbError::TruncateError, "transient"),
        (
            DbError::ReadTimeout {
                consistency: LocalQuorum,
                received: 0,
                required: 1,
                data_present: false,
            },
            "transient",
        ),
        (write_timeout(WriteType::Simple), "transient"),
        (write_timeout(WriteType::UnloggedBatch), "transient"),
        (write_timeout(WriteType::Batch), "transient"),
        (write_timeout(WriteType::BatchLog), "transient"),
        (write_timeout(WriteType::Cas), "transient"),
        (
            DbError::ReadFailure {
                consistency: LocalQuorum,
                received: 0,
                required: 1,
                numfailures: 1,
                data_present: false,
            },
            "transient",
        ),
        (
            DbError::WriteFailure {
                consistency: LocalQuorum,
                received: 0,
                required: 1,
                numfailures: 1,
                write_type: WriteType::Simple,
            },
            "transient",
        ),
        (
            DbError::Unprepared {
                statement_id: Vec::new().into(),
            },
            "transient",
        ),
        (DbError::ServerError, "transient"),
        (DbError::ProtocolError, "transient"),
        (
            DbError::RateLimitReached {
                op_type: OperationType::Write,
                rejected_by_coordinator: true,
            },
            "transient",
        ),
        (DbError::Other(0x1700), "transient"),
    ]
}

#[test]
fn every_answer_of_the_server_has_its_row() {
    for (error, expected) in answers() {
        let name = format!("{error:?}");
        let failure = executing_failure(&ExecutionError::LastAttemptError(
            RequestAttemptError::DbError(error, "said so".into()),
        ));
        assert_eq!(kind(&failure), expected, "{name}");
    }
}

#[test]
fn invalid_while_preparing_means_not_prepared() {
    for (error, expected) in answers() {
        let name = format!("{error:?}");
        let failure = preparing_failure(&PrepareError::AllAttemptsFailed {
            first_attempt: RequestAttemptError::DbError(error, String::new()),
        });
        assert_eq!(
            kind(&failure),
            if expected == "suspect" {
                "not prepared"
            } else {
                expected
            },
            "{name}"
        );
    }
    assert_eq!(
        kind(&preparing_failure(
            &PrepareError::PreparedStatementIdsMismatch
        )),
        "transient"
    );
}

#[test]
fn failures_of_the_driver_have_their_rows() {
    let attempt = ExecutionError::LastAttemptError;
    for (error, expected) in [
        (ExecutionError::EmptyPlan, "transient"),
        (
            ExecutionError::RequestTimeout(Duration::from_secs(1)),
            "transient",
        ),
        (
            ExecutionError::BadQuery(BadQuery::ValuesTooLongForKey(70_000, 65_535)),
            "unwritable",
        ),
        (
            ExecutionError::BadQuery(BadQuery::TooManyQueriesInBatchStatement(70_000)),
            "unwritable",
        ),
        (
            attempt(RequestAttemptError::UnableToAllocStreamId),
            "transient",
        ),
        (
            attempt(RequestAttemptError::RepreparedIdMissingInBatch),
            "transient",
        ),
        (
            attempt(RequestAttemptError::NonfinishedPagingState),
            "transient",
        ),
    ] {
        assert_eq!(kind(&executing_failure(&error)), expected, "{error:?}");
    }
}

#[test]
fn a_missing_table_is_never_a_reason_to_give_a_write_up() {
    assert!(matches!(
        CassandraFailure::NotPrepared("no table".into()).into_verdict(),
        store::ItemVerdict::Transient(_)
    ));
}
