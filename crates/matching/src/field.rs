//! The address of a value inside a document: `user.name`, dots between keys. Must never look at a
//! document itself.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// A dotted path, as the filter spells it. Cheap to clone; compares and hashes by its text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(Arc<str>);

impl FieldPath {
    pub fn new(text: &str) -> FieldPath {
        FieldPath(Arc::from(text))
    }

    /// The whole path, dots included.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The keys between the dots. A path always has at least one, possibly empty.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('.')
    }
}

/// Hash and order are those of the text, so maps by path can be asked with a text.
impl Borrow<str> for FieldPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
