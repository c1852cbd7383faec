//! Questions about many dead letters outlast a store that is away for a moment.

use crate::{
    client::{Answer, Client},
    failure::Failure,
};
use reqwest::RequestBuilder;
use std::time::Duration;

/// What a gateway answers while a store or the log is away.
const UNAVAILABLE: u16 = 503;
const TRIES: usize = 30;
const PAUSE: Duration = Duration::from_secs(1);

/// Asks, and asks again while the answer is that something is away for now. Only for what may be asked
/// twice.
pub async fn ask_patiently(
    client: &Client,
    ask: impl Fn() -> RequestBuilder,
) -> Result<Answer, Failure> {
    for _ in 1..TRIES {
        let answer = client.send(ask()).await?;
        if answer.status != UNAVAILABLE {
            return Ok(answer);
        }
        tokio::time::sleep(PAUSE).await;
    }
    client.send(ask()).await
}
