//! Thin entry.
fn main() {}
