//! What the service says about itself.

pub(crate) mod docs;
pub(crate) mod openapi;
pub(crate) mod status;
