//! The catalog as others use it: every built-in operation, accepted and planned.

mod examples;
mod laws;
mod sunbird;
mod world;
