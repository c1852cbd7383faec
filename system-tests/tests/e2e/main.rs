//! The main job on real input, from outside: all cities of the world through a bulk, a restart in
//! the middle, every byte checked.

mod cities;
mod user;
