//! The log's contract, held by every driver, and what each driver promises beyond it.

mod contract;
mod embedded;
mod kafka;
