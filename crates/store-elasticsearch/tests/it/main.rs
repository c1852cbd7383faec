//! Against a real Elasticsearch: the contract, and what only this driver meets.

mod bulk;
mod contract;
mod declared;
mod faults;
mod prefix;
mod specific;
