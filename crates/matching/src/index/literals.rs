//! What a text must contain for a pattern to be found in it.
//! Must never demand more than the pattern does: when in doubt, there is no demand.

use regex_syntax::hir::literal::{ExtractKind, Extractor, Seq};
use regex_syntax::hir::{Hir, HirKind};

/// A demand with more alternatives than this is not worth a lookup.
const MOST_ALTERNATIVES: usize = 16;

/// Groups in groups deeper than this are not looked into.
const DEEPEST: usize = 32;

/// A demand whose alternatives are all at least this long is good enough not to look further.
const LONG: usize = 3;

/// Demands, each enough by itself: the text holds at least one of its alternatives. ASCII letters
/// are in lower case, and the text must be brought to lower case likewise.
pub(super) fn pattern_demands(hir: &Hir) -> Vec<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    collect_demands(hir, DEEPEST, &mut found);
    found
}

fn collect_demands(hir: &Hir, depth: usize, found: &mut Vec<Vec<Vec<u8>>>) {
    let before = found.len();
    collect_parts(hir, depth, found);
    if found[before..]
        .iter()
        .all(|demand| demand.iter().any(|text| text.len() < LONG))
    {
        extract_ends(hir, found);
    }
}

/// What stands in the pattern letter by letter.
fn collect_parts(hir: &Hir, depth: usize, found: &mut Vec<Vec<Vec<u8>>>) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    match hir.kind() {
        HirKind::Literal(literal) => found.push(vec![literal.0.to_ascii_lowercase()]),
        HirKind::Concat(all) => all
            .iter()
            .for_each(|part| collect_parts(part, depth, found)),
        HirKind::Capture(group) => collect_parts(&group.sub, depth, found),
        HirKind::Repetition(repetition) if repetition.min > 0 => {
            collect_parts(&repetition.sub, depth, found)
        }
        HirKind::Alternation(branches) => found.extend(of_branches(branches, depth)),
        HirKind::Repetition(_) | HirKind::Empty | HirKind::Class(_) | HirKind::Look(_) => {}
    }
}

/// What every match starts or ends with: sees through classes such as letters of either case.
fn extract_ends(hir: &Hir, found: &mut Vec<Vec<Vec<u8>>>) {
    for kind in [ExtractKind::Prefix, ExtractKind::Suffix] {
        let mut extractor = Extractor::new();
        extractor
            .kind(kind)
            .limit_class(8)
            .limit_repeat(8)
            .limit_literal_len(32)
            .limit_total(128);
        found.extend(literal_alternatives(&extractor.extract(hir)));
    }
}

/// The best demand of every branch, taken together.
fn of_branches(branches: &[Hir], depth: usize) -> Option<Vec<Vec<u8>>> {
    let mut together = Vec::new();
    for branch in branches {
        let mut found = Vec::new();
        collect_demands(branch, depth, &mut found);
        together.extend(
            found
                .into_iter()
                .max_by_key(|demand| demand.iter().map(Vec::len).min())?,
        );
    }
    (together.len() <= MOST_ALTERNATIVES).then_some(together)
}

fn literal_alternatives(seq: &Seq) -> Option<Vec<Vec<u8>>> {
    let mut texts: Vec<Vec<u8>> = seq
        .literals()?
        .iter()
        .map(|literal| literal.as_bytes().to_ascii_lowercase())
        .collect();
    texts.sort();
    texts.dedup();
    let useful = !texts.is_empty()
        && texts.len() <= MOST_ALTERNATIVES
        && texts.iter().all(|text| !text.is_empty());
    useful.then_some(texts)
}
