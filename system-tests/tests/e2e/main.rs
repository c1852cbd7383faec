//! The main job on real input, from outside: all cities of the world through a bulk, a restart in
//! the middle, every byte checked.

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]

mod canaries;
mod cities;
mod half_made;
mod hooked;
mod reload;
mod remap;
mod sunbird;
mod synced;
mod user;
