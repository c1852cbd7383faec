//! A set of documents, by their numbers: one bit for each. It must be cheap to make and to drop, as
//! every clause of a search makes one.

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DocumentSet {
    words: Vec<u64>,
}

impl DocumentSet {
    pub fn insert(&mut self, number: u32) {
        let word = number as usize / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (number % 64);
    }

    pub fn remove(&mut self, number: u32) {
        if let Some(word) = self.words.get_mut(number as usize / 64) {
            *word &= !(1 << (number % 64));
        }
    }

    pub fn contains(&self, number: u32) -> bool {
        let word = self.words.get(number as usize / 64);
        word.is_some_and(|word| word & (1 << (number % 64)) != 0)
    }

    pub fn len(&self) -> u64 {
        self.words
            .iter()
            .map(|word| u64::from(word.count_ones()))
            .sum()
    }

    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Only what is in both stays.
    pub fn intersect(&mut self, other: &Self) {
        self.words.truncate(other.words.len());
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= other;
        }
    }

    pub fn unite(&mut self, other: &Self) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
        }
    }

    pub fn subtract(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= !other;
        }
    }

    pub fn meets(&self, other: &Self) -> bool {
        let mut both = self.words.iter().zip(&other.words);
        both.any(|(word, other)| word & other != 0)
    }

    /// In the order of the numbers, from this one on.
    pub fn iter_from(&self, first: u32) -> impl Iterator<Item = u32> + '_ {
        let start = first as usize / 64;
        let words = self.words.iter().enumerate().skip(start);
        words.flat_map(move |(n, word)| {
            let keep = if n == start {
                u64::MAX << (first % 64)
            } else {
                u64::MAX
            };
            ones(word & keep).map(move |bit| n as u32 * 64 + bit)
        })
    }

    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.iter_from(0)
    }

    /// In the opposite order, from the one before this on.
    pub fn iter_back_from(&self, end: u32) -> impl Iterator<Item = u32> + '_ {
        let last = end as usize / 64;
        let words = self.words.iter().enumerate().take(last + 1).rev();
        words.flat_map(move |(n, word)| {
            let keep = if n == last {
                (1_u64 << (end % 64)) - 1
            } else {
                u64::MAX
            };
            ones_back(word & keep).map(move |bit| n as u32 * 64 + bit)
        })
    }

    pub fn bytes(&self) -> usize {
        self.words.capacity() * 8
    }
}

impl FromIterator<u32> for DocumentSet {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        let mut set = Self::default();
        numbers.into_iter().for_each(|number| set.insert(number));
        set
    }
}

fn ones(mut word: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = (word != 0).then(|| word.trailing_zeros())?;
        word &= word - 1;
        Some(bit)
    })
}

fn ones_back(mut word: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = (word != 0).then(|| 63 - word.leading_zeros())?;
        word &= !(1 << bit);
        Some(bit)
    })
}

#[cfg(test)]
mod tests {
    use super::DocumentSet;

    #[test]
    fn numbers_come_in_order_both_ways() {
        let all = [0, 1, 63, 64, 65, 127, 128, 1_000];
        let set: DocumentSet = all.into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), all);
        for first in [0, 1, 2, 63, 64, 100, 128, 129, 1_000, 1_001, 5_000] {
            let after: Vec<u32> = all.into_iter().filter(|n| *n >= first).collect();
            assert_eq!(set.iter_from(first).collect::<Vec<_>>(), after, "{first}");
            let before: Vec<u32> = all.into_iter().rev().filter(|n| *n < first).collect();
            assert_eq!(
                set.iter_back_from(first).collect::<Vec<_>>(),
                before,
                "{first}"
            );
        }
        assert_eq!(set.len(), 8);
    }
}
