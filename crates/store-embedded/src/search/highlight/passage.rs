//! Fragments of texts around the terms that were found, which of them are shown, and how. Places
//! are in UTF-16 units, as an index counts them.

use super::{
    breaks::{self, Boundaries},
    options::HighlightOptions,
};
use std::ops::Range;

/// Something that was found, and where.
#[derive(Clone, Debug)]
pub struct TermMatch {
    /// What the same clause finds of the same term.
    pub term: String,
    pub span: Range<usize>,
}

/// One value of a field.
pub struct HighlightedText {
    units: Vec<u16>,
    /// Where it begins among the values.
    start: usize,
    matches: Vec<TermMatch>,
}

/// A fragment, in the units of its text.
struct Passage<'t> {
    text: &'t HighlightedText,
    span: Range<usize>,
    matches: Vec<&'t TermMatch>,
    score: f32,
}

impl HighlightedText {
    /// `find` tells the places in bytes.
    pub fn new(text: &str, start: usize, find: impl FnOnce(&str) -> Vec<TermMatch>) -> Self {
        let mut matches = find(text);
        let (mut bytes, mut units) = (0, 0);
        // A term may be found by several clauses.
        let mut place = |at: usize| {
            if at < bytes {
                (bytes, units) = (0, 0);
            }
            units += text[bytes..at].encode_utf16().count();
            bytes = at;
            units
        };
        for one in &mut matches {
            one.span = place(one.span.start)..place(one.span.end);
        }
        Self {
            units: text.encode_utf16().collect(),
            start,
            matches,
        }
    }

    pub fn end(&self) -> usize {
        self.start + self.units.len()
    }

    fn text(&self, span: Range<usize>) -> String {
        String::from_utf16_lossy(&self.units[span])
    }
}

/// What is shown of the values, which are `length` long together.
pub fn cut_snippets(
    texts: &[HighlightedText],
    length: usize,
    options: &HighlightOptions,
) -> Result<Vec<String>, &'static str> {
    let mut passages = Vec::new();
    for text in texts.iter().filter(|text| !text.matches.is_empty()) {
        cut_fragments(text, options, &mut passages)?;
    }
    for passage in &mut passages {
        passage.score = passage.reckoned(length);
    }
    if options.count > 0 {
        choose_passages(&mut passages, options.count);
    }
    if options.by_score {
        passages.sort_by(|a, b| b.score.total_cmp(&a.score));
    }
    Ok(passages
        .iter()
        .map(|passage| passage.shown(options))
        .collect())
}

/// Keeps the best, in the order of the text. Of equal ones the later stays.
fn choose_passages(passages: &mut Vec<Passage<'_>>, count: usize) {
    let place = |passage: &Passage<'_>| passage.text.start + passage.span.start;
    while passages.len() > count {
        let worst = (0..passages.len()).min_by(|a, b| {
            let (a, b) = (&passages[*a], &passages[*b]);
            a.score.total_cmp(&b.score).then(place(a).cmp(&place(b)))
        });
        passages.remove(worst.unwrap_or_default());
    }
}

/// The fragments of a text.
fn cut_fragments<'t>(
    text: &'t HighlightedText,
    options: &HighlightOptions,
    into: &mut Vec<Passage<'t>>,
) -> Result<(), &'static str> {
    let mut fragments = match options.count {
        0 => None,
        _ => {
            let known = breaks::known_letters(&text.text(0..text.units.len()));
            let fragments = known.and_then(|letters| Fragments::new(&letters, options.size));
            Some(fragments.ok_or("highlight in fragments of such a text")?)
        }
    };
    let first = into.len();
    for one in &text.matches {
        match into[first..].last_mut() {
            Some(passage) if one.span.start < passage.span.end => passage.matches.push(one),
            _ => {
                let whole = 0..text.units.len();
                let span = fragments
                    .as_mut()
                    .map_or(whole, |all| all.around(&one.span));
                into.push(Passage {
                    text,
                    span,
                    matches: vec![one],
                    score: 0.0,
                });
            }
        }
    }
    Ok(())
}

/// Cuts a text at sentences, as many as fit together, and sentences that are too long at words.
struct Fragments {
    sentences: Boundaries,
    words: Boundaries,
    length: usize,
    size: usize,
    window: Range<usize>,
    inner: Range<usize>,
}

impl Fragments {
    fn new(letters: &[char], size: usize) -> Option<Self> {
        Some(Self {
            sentences: breaks::sentence_boundaries(letters)?,
            words: breaks::word_boundaries(letters),
            length: letters.len(),
            size,
            window: 0..0,
            inner: 0..0,
        })
    }

    /// The fragment around what was found; that comes in its order.
    fn around(&mut self, found: &Range<usize>) -> Range<usize> {
        // The middle of it, but not its beginning.
        let middle = usize::midpoint(found.start, found.end);
        let (place, size) = (middle.max(found.start + 1), self.size);
        let before = |boundaries: &Boundaries, place| boundaries.preceding(place).unwrap_or(0);
        if size == 0 {
            let end = self.sentences.following(place - 1);
            return before(&self.sentences, place)..end.unwrap_or(self.length);
        }
        if place > self.window.start && place < self.window.end {
            self.inner = self.inner.end..self.window.end;
        } else {
            self.open(place);
        }
        if self.inner.end - self.inner.start > size {
            if place > size && place - size > self.inner.start {
                let start = before(&self.words, place - size);
                self.inner.start = self.inner.start.max(start);
            }
            let left = size.saturating_sub(place.saturating_sub(self.inner.start));
            if place + left < self.window.end {
                let end = self.words.following(place + left).unwrap_or(self.length);
                self.inner.end = self.window.end.min(end);
            }
        }
        self.inner.clone()
    }

    /// The sentences around a place: as many behind as fit.
    fn open(&mut self, place: usize) {
        let start = self.sentences.preceding(place).unwrap_or(0);
        let target = place + self.size.saturating_sub(place - start);
        let mut end = if target + 1 > self.length {
            self.length
        } else {
            self.sentences.preceding(target + 1).unwrap_or(0)
        };
        if end == start {
            end = self.sentences.following(target).unwrap_or(self.length);
        }
        self.inner = start..end;
        self.window = start..end;
    }
}

impl Passage<'_> {
    /// How much it tells: terms that stand often in a short fragment near the beginning.
    fn reckoned(&self, length: usize) -> f32 {
        const SATURATION: f32 = 1.2;
        const LENGTHS: f32 = 0.75;
        const PIVOT: f32 = 87.0;
        let own = (self.span.end - self.span.start) as f32;
        let norm = SATURATION * ((1.0 - LENGTHS) + LENGTHS * (own / PIVOT));
        let mut counts: Vec<(&str, f32)> = Vec::new();
        for one in &self.matches {
            match counts.iter_mut().find(|(term, _)| *term == one.term) {
                Some((_, count)) => *count += 1.0,
                None => counts.push((&one.term, 1.0)),
            }
        }
        let all = f64::from(1.0 + length as f32 / PIVOT);
        let weight = (SATURATION + 1.0) * (1.0 + (all + 0.5) / 1.5).ln() as f32;
        let mut score = 0.0;
        for (_, count) in counts {
            score += count / (count + norm) * weight;
        }
        let start = f64::from(PIVOT + (self.text.start + self.span.start) as f32);
        score * (1.0 + 1.0 / start.ln() as f32)
    }

    fn shown(&self, options: &HighlightOptions) -> String {
        let (mut shown, mut at) = (String::new(), self.span.start);
        for one in &self.matches {
            if one.span.start > at {
                shown.push_str(&self.text.text(at..one.span.start));
            }
            if one.span.end > at {
                shown.push_str(&options.before);
                shown.push_str(&self.text.text(at.max(one.span.start)..one.span.end));
                shown.push_str(&options.after);
                at = one.span.end;
            }
        }
        shown.push_str(&self.text.text(at..at.max(self.span.end)));
        if options.count == 0 {
            return shown;
        }
        shown.trim_matches(|letter: char| letter <= ' ').to_owned()
    }
}
