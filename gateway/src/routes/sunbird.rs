//! Operations with routes of their own, most of them in Sunbird's envelope.

pub(crate) mod call;
pub(crate) mod envelope;
