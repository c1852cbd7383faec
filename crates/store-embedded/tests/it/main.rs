//! The embedded store against the contract, and against what only it promises: one file, kill -9, a full disk.

mod contract;
