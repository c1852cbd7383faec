//! Against a real Cassandra: the contract, and what only this driver meets.

mod contract;
mod faults;
mod keyspace;
mod specific;
