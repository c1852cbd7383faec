//! What is kept of an answer until it is read, and the JSON line it becomes. Ids and tokens are
//! made when somebody reads them.

use super::answers::AnswerReader;
use crate::{
    access::Caller,
    app::{App, Shared},
    error::Problem,
    write::{EventPlace, Published},
};
use bytes::Bytes;
use catalog::Kind;
use event_schema::id::RequestId;
use futures::Stream;
use spool::SpoolPlace;
use std::io::{self, Write};

const ACCEPTED: u8 = 1;
const PUBLISHED: u8 = 2;
const TEXT: u8 = 3;
/// In the spool of this gateway, with a verdict to come, or with none.
const SPOOLED: u8 = 4;
const SPOOLED_MESSAGE: u8 = 5;
/// Of a caller who could not be looked at: both have a verdict to come.
const UNCONFIRMED: u8 = 6;
const UNCONFIRMED_SPOOLED: u8 = 7;

/// An event that is safe: its place and the unique part of its id say all.
pub(crate) fn accepted_record(line: u64, published: &Published) -> [u8; 35] {
    let mut record = [0; 35];
    let (number, kinds) = match published.place {
        EventPlace::Logged(offset) => (offset, [ACCEPTED, PUBLISHED, UNCONFIRMED]),
        EventPlace::Spooled(place) => (
            place.number,
            [SPOOLED, SPOOLED_MESSAGE, UNCONFIRMED_SPOOLED],
        ),
    };
    let kind = match (published.kind.has_verdict(), published.is_unconfirmed) {
        (true, false) => 0,
        (false, _) => 1,
        (true, true) => 2,
    };
    record[0] = kinds[kind];
    record[1..9].copy_from_slice(&line.to_be_bytes());
    record[9..11].copy_from_slice(&published.partition.to_be_bytes());
    record[11..19].copy_from_slice(&number.to_be_bytes());
    record[19..35].copy_from_slice(&published.request.unique());
    record
}

pub(crate) fn refused_record(line: u64, problem: &Problem) -> Vec<u8> {
    text_record(&serde_json::json!({"line": line, "problem": problem}))
}

pub(crate) fn summary_record(accepted: u64, refused: u64, token: &str) -> Vec<u8> {
    text_record(
        &serde_json::json!({"summary": {"accepted": accepted, "refused": refused, "token": token}}),
    )
}

fn text_record(value: &serde_json::Value) -> Vec<u8> {
    let json = value.to_string();
    let mut record = Vec::with_capacity(json.len() + 5);
    record.push(TEXT);
    record.extend_from_slice(&(json.len() as u32).to_be_bytes());
    record.extend_from_slice(json.as_bytes());
    record
}

/// The response's body.
pub(crate) fn answer_stream(
    app: Shared,
    caller: Caller,
    reader: AnswerReader,
) -> impl Stream<Item = io::Result<Bytes>> + use<> {
    futures::stream::try_unfold((app, caller, reader), async |(app, caller, reader)| {
        let Some(block) = reader.next().await? else {
            return Ok(None);
        };
        let lines = render_block(&app, &caller, &block)
            .ok_or_else(|| io::Error::other("the answers of a bulk were damaged on their way"))?;
        Ok(Some((Bytes::from(lines), (app, caller, reader))))
    })
}

/// `None` if the block is not what was written.
fn render_block(app: &App, caller: &Caller, mut block: &[u8]) -> Option<Vec<u8>> {
    let mut lines = Vec::with_capacity(block.len() * 9);
    while let Some((kind, rest)) = block.split_first() {
        block = match *kind {
            TEXT => {
                let (length, rest) = rest.split_first_chunk()?;
                let (json, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
                lines.extend_from_slice(json);
                rest
            }
            ACCEPTED..=PUBLISHED | SPOOLED..=UNCONFIRMED_SPOOLED => {
                let (line, rest) = rest.split_first_chunk()?;
                let (partition, rest) = rest.split_first_chunk()?;
                let (number, rest) = rest.split_first_chunk()?;
                let (unique, rest) = rest.split_first_chunk()?;
                let partition = u16::from_be_bytes(*partition);
                let request = RequestId::mint(
                    &app.ports.keys,
                    app.ports.layout.generation,
                    partition,
                    *unique,
                );
                let number = u64::from_be_bytes(*number);
                let spooled = |number| {
                    let spool = app.ports.spool.as_ref()?.id();
                    Some(EventPlace::Spooled(SpoolPlace { spool, number }))
                };
                let (event, status, place) = match *kind {
                    ACCEPTED | UNCONFIRMED => {
                        (Kind::Transaction, "accepted", EventPlace::Logged(number))
                    }
                    PUBLISHED => (Kind::Informative, "published", EventPlace::Logged(number)),
                    SPOOLED | UNCONFIRMED_SPOOLED => {
                        (Kind::Transaction, "accepted", spooled(number)?)
                    }
                    _ => (Kind::Informative, "published", spooled(number)?),
                };
                let published = Published {
                    request,
                    kind: event,
                    partition,
                    place,
                    is_unconfirmed: matches!(*kind, UNCONFIRMED | UNCONFIRMED_SPOOLED),
                };
                let durability = if published.is_spooled() {
                    r#","durability":"spooled","order":"on_arrival""#
                } else {
                    ""
                };
                let confirmed = if published.is_unconfirmed {
                    r#","confirmed":false"#
                } else {
                    ""
                };
                let token = app.token_of(caller, &published);
                let line = u64::from_be_bytes(*line);
                // Ids, tokens and statuses hold nothing that JSON escapes.
                write!(lines, "{{\"line\":{line},\"request_id\":\"{request}\",\"token\":\"{token}\",\"status\":\"{status}\"{durability}{confirmed}}}").ok()?;
                rest
            }
            _ => return None,
        };
        lines.push(b'\n');
    }
    Some(lines)
}
