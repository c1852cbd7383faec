//! Patterns name by name: `*` is any letters of a name, `**` any names. What is empty because of
//! what was left out goes with it; what was empty before stays.

use serde_json::{Map, Value};

#[derive(Clone, Debug)]
pub struct NameFilter {
    taken: Vec<Vec<String>>,
    left_out: Vec<Vec<String>>,
}

/// Where a path has come to in the patterns.
#[derive(Clone, Default)]
struct PathPlace {
    /// All that is below is of it.
    is_met: bool,
    /// (pattern, name in it) that may be met yet.
    open: Vec<(usize, usize)>,
}

impl PathPlace {
    fn begin(patterns: &[Vec<String>]) -> Self {
        Self {
            is_met: false,
            open: (0..patterns.len()).map(|pattern| (pattern, 0)).collect(),
        }
    }

    /// A member's name, dots in it as nesting.
    fn step(&self, patterns: &[Vec<String>], name: &str) -> Self {
        let mut place = self.clone();
        for part in name.split('.') {
            if place.is_met {
                break;
            }
            let mut next = Self::default();
            for (pattern, n) in place.open {
                next.enter(patterns, pattern, n, part);
            }
            place = next;
        }
        place
    }

    fn enter(&mut self, patterns: &[Vec<String>], pattern: usize, n: usize, name: &str) {
        let names = &patterns[pattern];
        let Some(wanted) = names.get(n) else { return };
        if wanted == "**" {
            self.open.push((pattern, n));
            self.is_met |= n + 1 == names.len();
            self.enter(patterns, pattern, n + 1, name);
        } else if pattern_fits(wanted.as_bytes(), name.as_bytes()) {
            self.is_met |= n + 1 == names.len();
            self.open.push((pattern, n + 1));
        }
    }
}

fn pattern_fits(pattern: &[u8], name: &[u8]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some((b'*', rest)) => (0..=name.len()).any(|n| pattern_fits(rest, &name[n..])),
        Some((letter, rest)) => name
            .split_first()
            .is_some_and(|(first, name)| first == letter && pattern_fits(rest, name)),
    }
}

impl NameFilter {
    pub fn new(taken: &[String], left_out: &[String]) -> Self {
        let cut = |patterns: &[String]| {
            let names = |pattern: &String| pattern.split('.').map(str::to_owned).collect();
            patterns.iter().map(names).collect()
        };
        Self {
            taken: cut(taken),
            left_out: cut(left_out),
        }
    }

    pub fn document(&self, members: &Map<String, Value>) -> Map<String, Value> {
        let mut taken = PathPlace::begin(&self.taken);
        taken.is_met = self.taken.is_empty();
        self.members(members, &taken, &PathPlace::begin(&self.left_out))
    }

    fn members(
        &self,
        members: &Map<String, Value>,
        taken: &PathPlace,
        left_out: &PathPlace,
    ) -> Map<String, Value> {
        let mut shown = Map::new();
        for (name, value) in members {
            let taken = taken.step(&self.taken, name);
            let left_out = left_out.step(&self.left_out, name);
            if let Some(value) = self.value(value, &taken, &left_out) {
                shown.insert(name.clone(), value);
            }
        }
        shown
    }

    fn value(&self, value: &Value, taken: &PathPlace, left_out: &PathPlace) -> Option<Value> {
        if left_out.is_met || !taken.is_met && taken.open.is_empty() {
            return None;
        }
        match value {
            Value::Object(members) if !members.is_empty() => {
                let shown = self.members(members, taken, left_out);
                (!shown.is_empty()).then(|| shown.into())
            }
            Value::Array(items) if !items.is_empty() => {
                let shown = items
                    .iter()
                    .filter_map(|item| self.value(item, taken, left_out));
                let shown: Vec<Value> = shown.collect();
                (!shown.is_empty()).then(|| shown.into())
            }
            other => taken.is_met.then(|| other.clone()),
        }
    }
}
