//! The way of a write, from sound JSON ([`crate::request`]) to its verdict. The stages are the
//! files, each owns what it needs and knows no other but by what it is given; [`submit`] is the
//! column in which they are called. Nothing here knows HTTP, a protocol or the rest of the service.

pub(crate) mod derived;
pub(crate) mod feedback;
pub(crate) mod full_keys;
pub(crate) mod identify;
mod intend;
pub(crate) mod order;
pub(crate) mod publish;
mod published;
pub(crate) mod submit;
pub(crate) mod validate;

pub(crate) use published::{EventPlace, Published};
pub(crate) use submit::{Completed, Prepared, Submitted};

use crate::{
    error::{Code, Problem},
    request::path,
};
use catalog::{CatalogInUse, Operation};
use std::sync::Arc;

/// The stages, each with its own.
pub(crate) struct WritePath {
    pub catalog: CatalogInUse,
    pub identifier: identify::Identifier,
    pub validator: validate::Validator,
    pub builder: publish::event::EventBuilder,
    pub publisher: publish::EventPublisher,
    pub feedback: feedback::Feedback,
    pub full_keys: Arc<full_keys::FullKeys>,
}

impl WritePath {
    /// An operation that only the service itself asks for.
    pub(crate) fn internal_operation(&self, name: &str) -> Result<Arc<Operation>, Problem> {
        let known = self.catalog.current().shared_operation(name);
        let known = known.filter(|known| known.internal());
        known.ok_or_else(|| Problem::new(Code::Internal, format!("there is no operation `{name}`")))
    }

    /// The operation of this name, or a 404 that names the nearest.
    pub(crate) fn operation(&self, name: &str) -> Result<Arc<Operation>, Problem> {
        let catalog = self.catalog.current();
        let known = catalog.shared_operation(name);
        known.filter(|known| !known.internal()).ok_or_else(|| {
            let shown = path::shorten_text(name);
            Problem::new(
                Code::UnknownOperation,
                match catalog.nearest(name) {
                    Some(nearest) => {
                        format!("there is no operation `{shown}`: did you mean `{nearest}`?")
                    }
                    None => format!("there is no operation `{shown}`"),
                },
            )
        })
    }
}
