//! Lines of the file as requests, in chunks. Where a chunk ends depends on the file and the
//! arguments only, never on answers: a chunk that is sent again is the same to the byte.

use super::{Arguments, input::Input};
use crate::failure::Failure;
use serde::Serialize;
use serde_json::{Value, value::RawValue};

/// A chunk ends before it is larger than this.
const MOST_BYTES: usize = 8 << 20;

pub struct Chunk {
    pub body: bytes::Bytes,
    /// Line of the file of each line of the body.
    pub lines: Vec<u64>,
    /// Lines that are no request, and why.
    pub bad: Vec<(u64, String)>,
    /// All lines up to this one are in this chunk or an earlier one.
    pub through: u64,
}

pub struct Chunks {
    input: Input,
    wrap: Option<Wrap>,
    most: usize,
    number: u64,
    /// A line that was read but did not fit.
    held: Option<(u64, Vec<u8>)>,
}

/// Documents become requests.
struct Wrap {
    index: String,
    collection: String,
    member: String,
    id: Option<String>,
}

impl Chunks {
    /// Skips the lines that were acknowledged before.
    pub fn new(mut input: Input, arguments: &Arguments, skip: u64) -> Result<Self, Failure> {
        let mut line = Vec::new();
        for number in 0..skip {
            if input.next(&mut line)?.is_none() {
                return Err(Failure::failed(format!(
                    "the file has {number} lines, but {skip} were loaded before"
                ))
                .hint("is it another file? --afresh"));
            }
        }
        let wrap = match (&arguments.index, &arguments.collection) {
            (Some(index), Some(collection)) => Some(Wrap {
                index: index.clone(),
                collection: collection.clone(),
                member: arguments.member.clone(),
                id: arguments.id.as_deref().map(json_pointer),
            }),
            _ => None,
        };
        Ok(Self {
            input,
            wrap,
            most: arguments.chunk as usize,
            number: skip,
            held: None,
        })
    }

    pub fn next(&mut self) -> Result<Option<Chunk>, Failure> {
        let mut chunk = Chunk {
            body: bytes::Bytes::new(),
            lines: Vec::new(),
            bad: Vec::new(),
            through: self.number,
        };
        let (mut body, mut line, mut any) = (Vec::new(), Vec::new(), false);
        loop {
            let number = match self.held.take() {
                Some((number, held)) => {
                    line = held;
                    number
                }
                None if self.input.next(&mut line)?.is_none() => break,
                None => {
                    self.number += 1;
                    self.number
                }
            };
            let request = match self.wrap.as_ref().filter(|_| !line.is_empty()) {
                Some(wrap) => wrap.request(&line),
                None => Ok(std::mem::take(&mut line)),
            };
            if request
                .as_ref()
                .is_ok_and(|request| any && body.len() + request.len() > MOST_BYTES)
            {
                // What was wrapped is wrapped again: only what was read is held.
                self.held = Some((
                    number,
                    if self.wrap.is_some() {
                        line
                    } else {
                        request.unwrap_or_default()
                    },
                ));
                break;
            }
            (any, chunk.through) = (true, number);
            match request {
                Ok(request) if request.is_empty() => {}
                Ok(request) => {
                    body.extend_from_slice(&request);
                    body.push(b'\n');
                    chunk.lines.push(number);
                }
                Err(why) => chunk.bad.push((number, why)),
            }
            if chunk.lines.len() + chunk.bad.len() >= self.most {
                break;
            }
        }
        chunk.body = body.into();
        Ok(any.then_some(chunk))
    }
}

/// A bare name is the field of that name.
fn json_pointer(given: &str) -> String {
    if given.starts_with('/') {
        given.to_owned()
    } else {
        format!("/{given}")
    }
}

impl Wrap {
    /// The document stays as it was written, to the byte.
    fn request(&self, line: &[u8]) -> Result<Vec<u8>, String> {
        let document: &RawValue =
            serde_json::from_slice(line).map_err(|error| format!("not JSON: {error}"))?;
        let id = match &self.id {
            Some(pointer) => Some(id_of(document, pointer)?),
            None => None,
        };
        let mut request = serde_json::Map::new();
        request.insert("index".to_owned(), self.index.as_str().into());
        request.insert("collection".to_owned(), self.collection.as_str().into());
        if let Some(id) = id {
            request.insert("_id".to_owned(), id.into());
        }
        let mut text = serde_json::to_vec(&request).map_err(|error| error.to_string())?;
        text.pop();
        text.push(b',');
        text.extend(serde_json::to_vec(&self.member).map_err(|error| error.to_string())?);
        text.push(b':');
        text.extend_from_slice(document.get().as_bytes());
        text.push(b'}');
        Ok(text)
    }
}

fn id_of(document: &RawValue, pointer: &str) -> Result<String, String> {
    let parsed: Value =
        serde_json::from_str(document.get()).map_err(|error| format!("not JSON: {error}"))?;
    match parsed.pointer(pointer) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        Some(other) => Err(format!(
            "the id at `{pointer}` is {other}, which is neither a text nor a number"
        )),
        None => Err(format!("there is no id at `{pointer}`")),
    }
}

/// A line that was refused here, as the gateway would tell it.
#[derive(Clone, Debug, Serialize)]
pub struct Refusal {
    pub line: u64,
    pub code: String,
    pub detail: String,
}
