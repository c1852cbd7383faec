//! Values by a number of 64 bits that names them: a look-up that finds nothing reads eight bytes.
//! Must never let whoever chooses the names choose where they collide.

use super::folding::FoldingSeeds;
use super::slab::Slab;
use super::values::ValueTable;

/// Values by name.
#[derive(Debug)]
pub(super) struct NamedTable<T> {
    table: ValueTable,
    values: Slab<(u64, T)>,
    seeds: FoldingSeeds,
}

impl<T> Default for NamedTable<T> {
    fn default() -> Self {
        Self {
            table: ValueTable::default(),
            values: Slab::default(),
            seeds: FoldingSeeds::default(),
        }
    }
}

impl<T> NamedTable<T> {
    #[inline]
    fn hash(&self, name: u64) -> u64 {
        self.seeds.of_number(name)
    }

    #[inline]
    fn number(&self, name: u64) -> Option<u32> {
        self.table.find(self.hash(name), |number| {
            self.values
                .get(number)
                .is_some_and(|(known, _)| *known == name)
        })
    }

    #[inline]
    pub(super) fn get(&self, name: u64) -> Option<&T> {
        self.values.get(self.number(name)?).map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, name: u64) -> Option<&mut T> {
        let number = self.number(name)?;
        self.values.get_mut(number).map(|(_, value)| value)
    }

    /// Changes the value of a name, which is there afterwards.
    pub(super) fn change(&mut self, name: u64, change: impl FnOnce(&mut T))
    where
        T: Default,
    {
        if let Some(value) = self.get_mut(name) {
            return change(value);
        }
        let mut value = T::default();
        change(&mut value);
        let number = self.values.insert((name, value));
        self.table.insert(self.hash(name), number);
    }

    pub(super) fn remove(&mut self, name: u64) {
        if let Some(number) = self.number(name) {
            self.table.remove(self.hash(name), number);
            self.values.remove(number);
        }
    }

    /// How many names there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// How many values there ever were at once.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.values.capacity()
    }
}
