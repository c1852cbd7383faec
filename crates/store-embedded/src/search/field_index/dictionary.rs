//! The texts of a field (whole, or the terms of a text) in their order, each with the documents
//! that hold it, and how long the field is in each document: what a search looks a text up in, and
//! what scores are reckoned by.

use super::set::DocumentSet;
use std::{collections::BTreeMap, ops::Bound};

/// A text of a document, and how often it stands there.
pub(crate) type HeldText = (String, u32);

#[derive(Debug, Default)]
pub(crate) struct TextDictionary {
    texts: BTreeMap<Box<str>, TextDocuments>,
    /// Documents that have a text.
    pub present: DocumentSet,
    documents: u64,
    /// Different texts, and all of them, summed up over all documents.
    distinct: u64,
    all: u64,
    /// How many texts a document has, where that is asked for.
    lengths: Vec<u32>,
    keeps_lengths: bool,
    bytes: usize,
}

/// The documents of one text, in the order of their numbers.
#[derive(Debug)]
pub(crate) struct TextDocuments {
    documents: TextNumbers,
    /// Those in which it stands more often than once, and how often.
    often: Vec<(u32, u32)>,
}

/// Most texts are in one document.
#[derive(Debug)]
enum TextNumbers {
    One(u32),
    Many(Vec<u32>),
}

impl TextDocuments {
    pub fn numbers(&self) -> &[u32] {
        match &self.documents {
            TextNumbers::One(one) => std::slice::from_ref(one),
            TextNumbers::Many(many) => many,
        }
    }

    /// How often the text stands in a document that has it.
    pub fn frequency(&self, number: u32) -> u32 {
        let found = self
            .often
            .binary_search_by_key(&number, |(number, _)| *number);
        found.map_or(1, |at| self.often[at].1)
    }

    fn insert(&mut self, number: u32, often: u32) {
        if often > 1
            && let Err(at) = self
                .often
                .binary_search_by_key(&number, |(number, _)| *number)
        {
            self.often.insert(at, (number, often));
        }
        match &mut self.documents {
            TextNumbers::One(one) => {
                let (least, greatest) = (number.min(*one), number.max(*one));
                self.documents = TextNumbers::Many(vec![least, greatest]);
            }
            TextNumbers::Many(many) if many.last().is_none_or(|last| *last < number) => {
                many.push(number);
            }
            TextNumbers::Many(many) => {
                if let Err(at) = many.binary_search(&number) {
                    many.insert(at, number);
                }
            }
        }
    }

    /// True: there is none left.
    fn remove(&mut self, number: u32) -> bool {
        self.often.retain(|(other, _)| *other != number);
        match &mut self.documents {
            TextNumbers::One(_) => true,
            TextNumbers::Many(many) => {
                if let Ok(at) = many.binary_search(&number) {
                    many.remove(at);
                }
                many.is_empty()
            }
        }
    }
}

/// What a text takes beside its letters.
const OVERHEAD: usize = 100;

impl TextDictionary {
    pub fn new(keeps_lengths: bool) -> Self {
        Self {
            keeps_lengths,
            ..Self::default()
        }
    }

    /// A document holds other texts than before. Both are in order; what stays is not touched, as
    /// a common text has a long list of documents.
    pub fn replace(&mut self, number: u32, before: &[HeldText], after: &[HeldText]) {
        if !before.is_empty() {
            self.present.remove(number);
            self.count(number, before, -1);
        }
        if !after.is_empty() {
            self.present.insert(number);
            self.count(number, after, 1);
        }
        for (text, _) in before
            .iter()
            .filter(|one| after.binary_search(one).is_err())
        {
            self.remove_text(number, text);
        }
        for (text, often) in after
            .iter()
            .filter(|one| before.binary_search(one).is_err())
        {
            self.insert_text(number, text, *often);
        }
    }

    fn insert_text(&mut self, number: u32, text: &str, often: u32) {
        self.bytes += 4;
        if let Some(known) = self.texts.get_mut(text) {
            known.insert(number, often);
            return;
        }
        self.bytes += text.len() + OVERHEAD;
        let new = TextDocuments {
            documents: TextNumbers::One(number),
            often: if often > 1 {
                vec![(number, often)]
            } else {
                Vec::new()
            },
        };
        self.texts.insert(text.into(), new);
    }

    fn remove_text(&mut self, number: u32, text: &str) {
        self.bytes = self.bytes.saturating_sub(4);
        if self
            .texts
            .get_mut(text)
            .is_some_and(|known| known.remove(number))
        {
            self.texts.remove(text);
            self.bytes = self.bytes.saturating_sub(text.len() + OVERHEAD);
        }
    }

    fn count(&mut self, number: u32, texts: &[HeldText], sign: i64) {
        let length: u64 = texts.iter().map(|(_, often)| u64::from(*often)).sum();
        let add = |sum: &mut u64, part: u64| *sum = sum.wrapping_add_signed(sign * part as i64);
        add(&mut self.documents, 1);
        add(&mut self.distinct, texts.len() as u64);
        add(&mut self.all, length);
        if self.keeps_lengths {
            let number = number as usize;
            if number >= self.lengths.len() {
                self.lengths.resize(number + 1, 0);
            }
            self.lengths[number] = if sign > 0 { length as u32 } else { 0 };
        }
    }

    pub fn get(&self, text: &str) -> Option<&TextDocuments> {
        self.texts.get(text)
    }

    /// All texts in their order.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = (&str, &TextDocuments)> {
        self.texts
            .iter()
            .map(|(text, documents)| (text.as_ref(), documents))
    }

    pub fn within<'d>(
        &'d self,
        from: Bound<&str>,
        to: Bound<&str>,
    ) -> impl DoubleEndedIterator<Item = (&'d str, &'d TextDocuments)> + use<'d> {
        let range = (from, to);
        let is_empty = match range {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
            (Bound::Included(a), Bound::Included(b)) => a > b,
            (Bound::Included(a) | Bound::Excluded(a), Bound::Included(b) | Bound::Excluded(b)) => {
                a >= b
            }
        };
        let all = (!is_empty).then(|| self.texts.range::<str, _>(range));
        all.into_iter()
            .flatten()
            .map(|(text, documents)| (text.as_ref(), documents))
    }

    /// Those that begin so.
    pub fn beginning<'d>(
        &'d self,
        prefix: &'d str,
    ) -> impl Iterator<Item = (&'d str, &'d TextDocuments)> {
        self.within(Bound::Included(prefix), Bound::Unbounded)
            .take_while(move |(text, _)| text.starts_with(prefix))
    }

    pub fn documents(&self) -> u64 {
        self.documents
    }

    /// How many texts all documents have together: all, or of each document the different ones.
    pub fn total(&self, counts_all: bool) -> u64 {
        if counts_all { self.all } else { self.distinct }
    }

    pub fn length(&self, number: u32) -> u32 {
        self.lengths
            .get(number as usize)
            .copied()
            .unwrap_or_default()
    }

    pub fn has_lengths(&self) -> bool {
        self.keeps_lengths
    }

    pub fn bytes(&self) -> usize {
        self.bytes + self.present.bytes() + self.lengths.capacity() * 4
    }
}

/// Texts as they come, each once and in their order.
pub(crate) fn counted_texts(mut texts: Vec<String>) -> Vec<HeldText> {
    texts.sort_unstable();
    let mut counted: Vec<HeldText> = Vec::with_capacity(texts.len());
    for text in texts {
        match counted.last_mut() {
            Some((last, often)) if *last == text => *often += 1,
            _ => counted.push((text, 1)),
        }
    }
    counted
}
