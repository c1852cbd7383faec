//! Handlers, a folder per noun and a file per verb. Each takes a request apart, calls one thing,
//! and answers; rules live elsewhere.

pub(crate) mod about;
pub(crate) mod audits;
pub(crate) mod catalog;
pub(crate) mod collections;
pub(crate) mod dead_letters;
pub(crate) mod documents;
pub(crate) mod floods;
pub(crate) mod markers;
pub(crate) mod operations;
pub(crate) mod replays;
pub(crate) mod requests;
pub(crate) mod security;
pub(crate) mod sunbird;
pub(crate) mod tables;
pub(crate) mod uploads;
