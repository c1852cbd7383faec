//! Connections that stay open, on a gateway whose notifier is played by the test.

mod abuse;
mod cursors;
mod framing;
mod pipeline;
mod rooms;
mod telling;

use crate::{
    harness::{App, Builder},
    stage::Stage,
};
use gateway::{Config, config::Live};

/// A gateway with these options of connections, and somebody who says that every room is known.
pub async fn app(change: impl FnOnce(&mut Live)) -> (App, Stage) {
    let mut live = Live {
        heartbeat_millis: 100,
        ..Live::default()
    };
    change(&mut live);
    let config = Config {
        live,
        drain_seconds: 5,
        ..Config::default()
    };
    let app = Builder {
        worker: false,
        config,
        ..Builder::default()
    }
    .start()
    .await;
    let stage = Stage::open(&app);
    (app, stage)
}
