//! LetterPatterns letter by letter: `*` is any letters, dots as well.

use serde_json::{Map, Value};

#[derive(Clone, Debug)]
pub struct LetterFilter {
    taken: LetterPatterns,
    left_out: LetterPatterns,
}

#[derive(Clone, Debug)]
struct LetterPatterns(Vec<Vec<char>>);

/// Where in each pattern a path has come to; empty where none can be met any more.
type Places = Vec<(usize, usize)>;

impl LetterPatterns {
    fn new(patterns: &[String]) -> Self {
        Self(patterns.iter().map(|text| text.chars().collect()).collect())
    }

    fn begin(&self) -> Places {
        let first = (0..self.0.len()).map(|pattern| (pattern, 0));
        self.open(first.collect())
    }

    /// A star may stand for nothing.
    fn open(&self, mut places: Places) -> Places {
        let mut n = 0;
        while let Some((pattern, place)) = places.get(n).copied() {
            let next = (pattern, place + 1);
            if self.0[pattern].get(place) == Some(&'*') && !places.contains(&next) {
                places.push(next);
            }
            n += 1;
        }
        places
    }

    fn step(&self, places: &Places, text: &str) -> Places {
        let mut places = places.clone();
        for letter in text.chars() {
            let mut next = Places::new();
            for (pattern, place) in places {
                let letters = &self.0[pattern];
                let to = match letters.get(place) {
                    Some('*') => place,
                    Some(wanted) if *wanted == letter => place + 1,
                    // Met, and here is what is below; or below already.
                    None if letter == '.' || place > letters.len() => letters.len() + 1,
                    _ => continue,
                };
                if !next.contains(&(pattern, to)) {
                    next.push((pattern, to));
                }
            }
            places = self.open(next);
        }
        places
    }

    fn is_met(&self, places: &Places) -> bool {
        places
            .iter()
            .any(|(pattern, place)| *place >= self.0[*pattern].len())
    }
}

impl LetterFilter {
    pub fn new(taken: &[String], left_out: &[String]) -> Self {
        let everything = ["*".to_owned()];
        Self {
            taken: LetterPatterns::new(if taken.is_empty() { &everything } else { taken }),
            left_out: LetterPatterns::new(left_out),
        }
    }

    pub fn document(&self, members: &Map<String, Value>) -> Map<String, Value> {
        self.members(members, &self.taken.begin(), &self.left_out.begin())
    }

    fn members(
        &self,
        members: &Map<String, Value>,
        taken: &Places,
        left_out: &Places,
    ) -> Map<String, Value> {
        let mut shown = Map::new();
        for (name, value) in members {
            let taken = self.taken.step(taken, name);
            let left_out = self.left_out.step(left_out, name);
            if taken.is_empty() || self.left_out.is_met(&left_out) {
                continue;
            }
            let is_taken = self.taken.is_met(&taken);
            let is_whole = is_taken && self.left_out.step(&left_out, ".").is_empty();
            let value = match value {
                whole if is_whole => Some(whole.clone()),
                Value::Object(_) | Value::Array(_) => self
                    .below(value, &taken, &left_out)
                    .filter(|below| is_taken || !is_empty(below)),
                other => is_taken.then(|| other.clone()),
            };
            if let Some(value) = value {
                shown.insert(name.clone(), value);
            }
        }
        shown
    }

    /// What is left of an object, or of each item of an array.
    fn below(&self, value: &Value, taken: &Places, left_out: &Places) -> Option<Value> {
        match value {
            Value::Object(members) => {
                let taken = self.taken.step(taken, ".");
                let left_out = self.left_out.step(left_out, ".");
                Some(self.members(members, &taken, &left_out).into())
            }
            Value::Array(items) => {
                let below = items
                    .iter()
                    .filter_map(|item| self.below(item, taken, left_out));
                Some(below.filter(|item| !is_empty(item)).collect())
            }
            other => self.taken.is_met(taken).then(|| other.clone()),
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}
