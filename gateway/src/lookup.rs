//! What is asked of the whole service: the writes that tokens stand for, where a request is and how it
//! came there, and what a document was. It changes nothing.

pub(crate) mod after;
pub(crate) mod explain;
pub(crate) mod history;
mod key_queue;
pub(crate) mod requests;
pub(crate) mod settled;
pub(crate) mod system_status;
