//! JSON values as an index of Elasticsearch 8.19 reads them: numbers, truth, dates, points,
//! addresses. One reading for the check when a write is planned, for searches of the embedded view
//! and for the filters of subscriptions. No I/O, no clock; must never take what an index refuses.

pub mod coerce;
pub mod date;
pub mod ip;
pub mod point;
