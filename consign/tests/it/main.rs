//! The binary from outside: what it takes, what it says, what it leaves behind.

mod cli;
mod deploy;
mod dev;
mod load;
mod pipeline;
