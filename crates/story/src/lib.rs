//! What a partition of `changes` tells, to whoever reads it: live, or again for somebody who comes
//! back. The same records tell the same in the same order, wherever the reading began; [`Story`] is
//! that rule. Pure: records in, tellings out.

mod fields;
mod fold;
mod scope;
mod telling;

pub use fold::{Resume, Story, Tell};
pub use scope::{scope, with_id};
pub use telling::{Telling, of_decision, of_message, of_void};
