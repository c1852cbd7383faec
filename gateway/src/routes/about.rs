//! What the service says about itself.

pub(crate) mod docs;
pub(crate) mod openapi;
