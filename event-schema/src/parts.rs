//! A record's key, value and headers, as bytes. It says nothing of what they mean.

use bytes::Bytes;
use std::borrow::Cow;

/// A record without its place: what a log driver takes and gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub headers: Vec<(Cow<'static, str>, Bytes)>,
}
