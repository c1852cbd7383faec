//! The audit over a real log and model stores in which every damage can be planted.

mod damage;
mod live;
mod model;
mod pipeline;
mod trimmed;
mod undecided;
