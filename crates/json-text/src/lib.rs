//! JSON texts on their way to the log: scanned when they come in, and from then on known to be sound,
//! with where their members stand. What only passes through need not be read again, let alone parsed;
//! a text that is cut out of another, or written by a caller, is scanned for its own members. It knows
//! nothing of what a text means, and must never take one for sound that was not scanned, parsed or
//! written here.

mod joined;
mod scan;
mod scanned;
mod span;
mod writer;

pub use joined::{list_of, with_member};
pub use scan::{JsonFault, JsonFaultKind};
pub use scanned::{JsonText, ScannedJson, ScannedMember};
pub use span::PLAIN_DEPTH;
pub use writer::JsonObjectWriter;
