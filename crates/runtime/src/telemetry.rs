//! Logging: pretty on a terminal, one JSON object a line otherwise. `CONSIGN_LOG` filters (`info`
//! by default).

use std::io::IsTerminal;
use tracing_subscriber::{EnvFilter, fmt, prelude::*};

/// Sets the process's logger; a second call changes nothing.
pub fn init_telemetry() {
    let filter = EnvFilter::try_from_env("CONSIGN_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    let result = if std::io::stderr().is_terminal() {
        registry
            .with(
                fmt::layer()
                    .with_writer(std::io::stderr)
                    .with_target(false)
                    .compact(),
            )
            .try_init()
    } else {
        registry
            .with(
                fmt::layer()
                    .with_writer(std::io::stderr)
                    .json()
                    .flatten_event(true),
            )
            .try_init()
    };
    if result.is_err() {
        tracing::debug!("the logger was set before");
    }
}
