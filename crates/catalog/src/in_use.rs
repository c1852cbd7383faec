//! The catalog that a process goes by, which may be replaced while it runs. It reads no files and
//! judges nothing: whoever replaces it has seen that the other is fit.

use crate::Catalog;
use std::sync::{Arc, PoisonError, RwLock};

/// Clones share it. What belongs to one request is taken from one [`CatalogInUse::current`], or from
/// one operation, which knows its catalog's version.
#[derive(Clone, Debug)]
pub struct CatalogInUse(Arc<RwLock<Catalog>>);

impl CatalogInUse {
    pub fn current(&self) -> Catalog {
        let current = self.0.read().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }

    pub fn replace(&self, catalog: Catalog) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = catalog;
    }
}

impl From<Catalog> for CatalogInUse {
    fn from(catalog: Catalog) -> Self {
        Self(Arc::new(RwLock::new(catalog)))
    }
}
