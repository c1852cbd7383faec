//! The keys of all fields' paths as a tree, in which a document is walked: a key that no path has
//! costs a look at its length, and no path is ever put together. Must never find a field that
//! [`Document::get`] would not, nor miss one, however the document spells the path.

#[cfg(test)]
mod tests;

use hashbrown::HashMap;
use serde_json::{Map, Value};

use super::field::NONE;
use super::slab::Slab;
use crate::document::{Document, MAX_NESTING};
use crate::field::FieldPath;
use crate::same_bytes::same_bytes;

/// A node with more names below it than this keeps them in a hash.
const FEW: usize = 8;

/// An object with so many keys for each name wanted of it is asked for the names.
const LARGE: usize = 16;

/// The tree; its root is at 0 as soon as there is a field.
#[derive(Debug, Default)]
pub(super) struct NameTree {
    nodes: Slab<NameNode>,
}

#[derive(Debug)]
struct NameNode {
    /// The field whose path ends here, or [`NONE`].
    field: u32,
    above: u32,
    name: Box<str>,
    /// A bit for each length that the names below have, or once had.
    lengths: u64,
    few: Vec<(Box<str>, u32)>,
    many: HashMap<Box<str>, u32>,
    /// How many of the nodes below have nodes below them: if none, a key with a dot leads nowhere.
    deeper: u32,
}

impl NameNode {
    fn new(above: u32, name: &str) -> Self {
        Self {
            field: NONE,
            above,
            name: name.into(),
            lengths: 0,
            few: Vec::new(),
            many: HashMap::new(),
            deeper: 0,
        }
    }

    fn is_end(&self) -> bool {
        self.few.is_empty() && self.many.is_empty()
    }

    #[inline]
    fn below(&self, name: &str) -> Option<u32> {
        if self.lengths & length_bit(name) == 0 {
            return None;
        }
        if !self.many.is_empty() {
            return self.many.get(name).copied();
        }
        let same = |own: &str| same_bytes(own.as_bytes(), name.as_bytes());
        self.few
            .iter()
            .find(|(own, _)| same(own))
            .map(|(_, number)| *number)
    }

    fn add(&mut self, name: &str, number: u32) {
        self.lengths |= length_bit(name);
        if self.many.is_empty() && self.few.len() < FEW {
            self.few.push((name.into(), number));
        } else {
            self.many.extend(self.few.drain(..));
            self.many.insert(name.into(), number);
        }
    }

    fn take(&mut self, name: &str) {
        self.few.retain(|(own, _)| **own != *name);
        self.many.remove(name);
        if self.many.is_empty() {
            let lengths = self.few.iter().map(|(own, _)| length_bit(own));
            self.lengths = lengths.fold(0, |all, bit| all | bit);
        }
    }
}

#[inline]
fn length_bit(name: &str) -> u64 {
    1 << name.len().min(63)
}

impl NameTree {
    /// How many names there are, the root among them.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The path leads to the field from now on.
    pub(super) fn insert(&mut self, path: &FieldPath, field: u32) {
        if self.nodes.len() == 0 {
            self.nodes.insert(NameNode::new(NONE, ""));
        }
        let mut at = 0;
        for name in path.segments() {
            at = match self.nodes.get(at).and_then(|node| node.below(name)) {
                Some(number) => number,
                None => self.grow(at, name),
            };
        }
        if let Some(node) = self.nodes.get_mut(at) {
            node.field = field;
        }
    }

    fn grow(&mut self, above: u32, name: &str) -> u32 {
        let number = self.nodes.insert(NameNode::new(above, name));
        let Some(node) = self.nodes.get_mut(above) else {
            return number;
        };
        let (was_end, upper) = (node.is_end(), node.above);
        node.add(name, number);
        if was_end && let Some(upper) = self.nodes.get_mut(upper) {
            upper.deeper += 1;
        }
        number
    }

    /// The path leads nowhere from now on.
    pub(super) fn remove(&mut self, path: &FieldPath) {
        let mut at = 0;
        for name in path.segments() {
            let Some(number) = self.nodes.get(at).and_then(|node| node.below(name)) else {
                return;
            };
            at = number;
        }
        if let Some(node) = self.nodes.get_mut(at) {
            node.field = NONE;
        }
        while let Some(node) = self.nodes.get(at)
            && node.field == NONE
            && node.is_end()
            && let Some(node) = self.nodes.remove(at)
        {
            at = node.above;
            let Some(above) = self.nodes.get_mut(at) else {
                return;
            };
            above.take(&node.name);
            let (is_end, upper) = (above.is_end(), above.above);
            if is_end && let Some(upper) = self.nodes.get_mut(upper) {
                upper.deeper -= 1;
            }
        }
    }

    /// Visits the fields that the document has with their values, in its order: where a path is
    /// spelled twice, its field comes twice, and the later one counts.
    #[inline]
    pub(super) fn visit<'d>(&self, document: &Document<'d>, note: &mut impl FnMut(u32, &'d Value)) {
        let Some(root) = self.nodes.get(0) else {
            return;
        };
        match document.object() {
            Some(object) => self.object(root, object, MAX_NESTING, note),
            None => {
                document.each_key(&mut |key, value| self.key(root, key, value, MAX_NESTING, note))
            }
        }
    }

    #[inline]
    fn object<'d>(
        &self,
        node: &NameNode,
        object: &'d Map<String, Value>,
        nesting: usize,
        note: &mut impl FnMut(u32, &'d Value),
    ) {
        if node.deeper == 0 && node.many.is_empty() && object.len() > LARGE * node.few.len() {
            for (name, number) in &node.few {
                if let Some(value) = object.get(&**name) {
                    self.found(*number, value, nesting, note);
                }
            }
            return;
        }
        for (key, value) in object {
            self.key(node, key, value, nesting, note);
        }
    }

    #[inline]
    fn key<'d>(
        &self,
        node: &NameNode,
        key: &str,
        value: &'d Value,
        nesting: usize,
        note: &mut impl FnMut(u32, &'d Value),
    ) {
        if let Some(number) = node.below(key) {
            self.found(number, value, nesting, note);
        } else if node.deeper > 0
            && let Some(number) = self.spelled(node, key)
        {
            self.found(number, value, nesting, note);
        }
    }

    /// Where a key leads that has dots, each of which is like nesting.
    fn spelled(&self, node: &NameNode, key: &str) -> Option<u32> {
        let (first, mut rest) = key.split_once('.')?;
        let mut at = node.below(first)?;
        loop {
            let node = self.nodes.get(at)?;
            let Some((name, after)) = rest.split_once('.') else {
                return node.below(rest);
            };
            at = node.below(name)?;
            rest = after;
        }
    }

    fn found<'d>(
        &self,
        number: u32,
        value: &'d Value,
        nesting: usize,
        note: &mut impl FnMut(u32, &'d Value),
    ) {
        let Some(node) = self.nodes.get(number) else {
            return;
        };
        if node.field != NONE {
            note(node.field, value);
        }
        if let (Value::Object(inner), 2..) = (value, nesting)
            && !node.is_end()
        {
            self.object(node, inner, nesting - 1, note);
        }
    }
}
