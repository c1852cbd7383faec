//! The index of one field of one collection: its values in their order, and the documents that hold
//! each.

use super::{
    collection::wanted_members,
    dictionary::TextDictionary,
    held::{FORMS, HeldValues, NumberForm},
    ordered::{OrderedValues, is_odd},
    set::DocumentSet,
};
use crate::search::field::{Source, Type};
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU64, Ordering},
};

/// What a value is that no mapping tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GuessedKind {
    Whole,
    Fraction,
    Truth,
    Date,
    SlashedDate,
    Text,
}

#[derive(Debug)]
pub(crate) struct FieldColumn {
    /// The field as a search reads it: another mapping makes another index of it.
    pub source: Source,
    /// The members of a document that its values are read from.
    pub members: BTreeSet<String>,
    /// Documents in which the field exists.
    pub existing: DocumentSet,
    pub texts: TextDictionary,
    numbers: [OrderedValues<u64>; FORMS],
    pub addresses: OrderedValues<u128>,
    /// Numbers by form whose keys are not theirs alone.
    odd: [usize; FORMS],
    /// Documents of which it is not known what an index makes of them.
    unknown: usize,
    used: AtomicU64,
}

impl FieldColumn {
    pub fn new(source: Source) -> Self {
        let keeps_lengths = matches!(source.kind, Type::Text(_) | Type::Guessed { .. });
        Self {
            members: wanted_members([&source].into_iter()),
            source,
            existing: DocumentSet::default(),
            texts: TextDictionary::new(keeps_lengths),
            numbers: std::array::from_fn(|_| OrderedValues::default()),
            addresses: OrderedValues::default(),
            odd: [0; FORMS],
            unknown: 0,
            used: AtomicU64::new(0),
        }
    }

    /// A document holds something else than before.
    pub fn replace(&mut self, number: u32, before: &HeldValues, after: &HeldValues) {
        match (before.exists, after.exists) {
            (false, true) => self.existing.insert(number),
            (true, false) => self.existing.remove(number),
            _ => {}
        }
        // What goes was there; a wrong count must not end the thread that writes.
        let unknown = self.unknown + usize::from(after.unknown);
        self.unknown = unknown.saturating_sub(before.unknown.into());
        self.texts.replace(number, &before.texts, &after.texts);
        for (n, ordered) in self.numbers.iter_mut().enumerate() {
            let (before, after) = (&before.numbers[n], &after.numbers[n]);
            let odd = self.odd[n] + odd_count(n, after);
            self.odd[n] = odd.saturating_sub(odd_count(n, before));
            ordered.replace(number, before, after);
        }
        self.addresses
            .replace(number, &before.addresses, &after.addresses);
    }

    pub fn numbers(&self, form: NumberForm) -> &OrderedValues<u64> {
        &self.numbers[form as usize]
    }

    /// Is each key that of one number, and their order that of the numbers?
    pub fn is_clean(&self, form: NumberForm) -> bool {
        self.odd[form as usize] == 0
    }

    /// Is it known of all documents what an index makes of their values?
    pub fn is_known(&self) -> bool {
        self.unknown == 0
    }

    /// What the values of a field that is not mapped are: each kind of which there are some.
    /// `None`: there are values that none of them has.
    pub fn guessed_kinds(&self) -> Option<Vec<GuessedKind>> {
        let mut seen = self.texts.present.clone();
        self.numbers
            .iter()
            .for_each(|numbers| seen.unite(&numbers.present));
        let mut rest = self.existing.clone();
        rest.subtract(&seen);
        let forms = [
            (NumberForm::Number, GuessedKind::Whole),
            (NumberForm::Fraction, GuessedKind::Fraction),
            (NumberForm::Truth, GuessedKind::Truth),
            (NumberForm::Date, GuessedKind::Date),
            (NumberForm::SlashedDate, GuessedKind::SlashedDate),
        ];
        let forms = forms
            .into_iter()
            .filter(|(form, _)| self.numbers(*form).len() > 0);
        let text = (self.texts.documents() > 0).then_some(GuessedKind::Text);
        rest.is_empty()
            .then(|| forms.map(|(_, kind)| kind).chain(text).collect())
    }

    /// The form of its numbers, if they have one.
    pub fn only_form(&self) -> Option<NumberForm> {
        const ALL: [NumberForm; FORMS] = [
            NumberForm::Number,
            NumberForm::Fraction,
            NumberForm::Truth,
            NumberForm::Date,
            NumberForm::SlashedDate,
            NumberForm::Place,
        ];
        let mut some = ALL.into_iter().filter(|form| self.numbers(*form).len() > 0);
        some.next().filter(|_| some.next().is_none())
    }

    pub fn bytes(&self) -> usize {
        let numbers: usize = self.numbers.iter().map(OrderedValues::bytes).sum();
        self.texts.bytes() + numbers + self.addresses.bytes() + self.existing.bytes()
    }

    /// It was looked into, at this beat of the indexes' clock.
    pub fn touch(&self, beat: u64) {
        self.used.store(beat, Ordering::Relaxed);
    }

    pub fn last_used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}

fn odd_count(form: usize, keys: &[u64]) -> usize {
    if form == NumberForm::Place as usize {
        return 0;
    }
    keys.iter().filter(|key| is_odd(**key)).count()
}

/// Gathers what documents hold in a field, and makes the index of it in the end.
pub(crate) struct ColumnBuilder {
    column: FieldColumn,
    numbers: [Vec<(u64, u32)>; FORMS],
    addresses: Vec<(u128, u32)>,
}

impl ColumnBuilder {
    pub fn new(source: Source) -> Self {
        Self {
            column: FieldColumn::new(source),
            numbers: Default::default(),
            addresses: Vec::new(),
        }
    }

    pub fn insert(&mut self, number: u32, held: HeldValues) {
        let pairs = self.numbers.iter_mut().zip(&held.numbers);
        pairs.for_each(|(all, keys)| all.extend(keys.iter().map(|key| (*key, number))));
        let addresses = held.addresses.iter().map(|address| (*address, number));
        self.addresses.extend(addresses);
        for (n, keys) in held.numbers.iter().enumerate() {
            self.column.odd[n] += odd_count(n, keys);
        }
        let texts = HeldValues {
            numbers: Default::default(),
            addresses: Vec::new(),
            ..held
        };
        self.column.replace(number, &HeldValues::default(), &texts);
    }

    /// What it takes so far.
    pub fn bytes(&self) -> usize {
        let pairs: usize = self.numbers.iter().map(|pairs| pairs.len() * 16).sum();
        self.column.bytes() + pairs + self.addresses.len() * 32
    }

    pub fn build(self) -> FieldColumn {
        let mut column = self.column;
        for (ordered, pairs) in column.numbers.iter_mut().zip(self.numbers) {
            ordered.fill(pairs);
        }
        column.addresses.fill(self.addresses);
        column
    }
}
