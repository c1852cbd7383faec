//! Multiplying a formula out into an `or` of conjunctions, and making that unique. Must never start
//! what it cannot finish within the bounds below.

use super::atoms::{Atoms, Formula};
use super::{max_literals, theory};

/// More conjunctions than this are not combined with each other.
const MAX_COMBINED: usize = 64;

/// Combining stops, without effect, when it makes more conjunctions than this.
const MAX_CLOSURE: usize = 256;

/// Nor is it begun when more pairs of literals than this would have to be combined in one round;
/// nor are there more rounds.
const MAX_PAIRS: usize = 512;
const MAX_ROUNDS: usize = 8;

type Cube = Vec<u32>;

/// The unique set of conjunctions, or `None` when multiplying out would exceed the bound.
pub fn canonical_cubes(formula: &Formula, atoms: &mut Atoms) -> Option<Vec<Cube>> {
    let mut distinct = Vec::new();
    collect_literals(formula, &mut distinct);
    if formula_size(formula).literals > literal_bound(distinct) {
        return None;
    }
    let cubes: Vec<Cube> = expand_formula(formula)
        .into_iter()
        .filter_map(|cube| theory::simplify_cube(cube, atoms))
        .collect();
    let cubes = absorb_cubes(cubes, atoms);
    close_cubes(&cubes, atoms)
        .filter(|closed| fits_bound(closed))
        .or_else(|| Some(cubes).filter(|cubes| fits_bound(cubes)))
}

fn literal_bound(mut literals: Vec<u32>) -> usize {
    literals.sort_unstable();
    literals.dedup();
    max_literals(literals.len())
}

/// Whether the result, read as a formula, is within the bound again.
fn fits_bound(cubes: &[Cube]) -> bool {
    let literals: usize = cubes.iter().map(Vec::len).sum();
    literals <= literal_bound(cubes.iter().flatten().copied().collect())
}

/// How large the multiplied form is: conjunctions, and literals in all of them together.
#[derive(Clone, Copy)]
struct Size {
    cubes: usize,
    literals: usize,
}

fn formula_size(formula: &Formula) -> Size {
    match formula {
        Formula::Literal(_) => Size {
            cubes: 1,
            literals: 1,
        },
        Formula::Any(parts) => parts.iter().map(formula_size).fold(
            Size {
                cubes: 0,
                literals: 0,
            },
            |sum, part| Size {
                cubes: sum.cubes.saturating_add(part.cubes),
                literals: sum.literals.saturating_add(part.literals),
            },
        ),
        Formula::All(parts) => parts.iter().map(formula_size).fold(
            Size {
                cubes: 1,
                literals: 0,
            },
            |product, part| Size {
                cubes: product.cubes.saturating_mul(part.cubes),
                literals: (product.literals.saturating_mul(part.cubes))
                    .saturating_add(part.literals.saturating_mul(product.cubes)),
            },
        ),
    }
}

fn collect_literals(formula: &Formula, literals: &mut Vec<u32>) {
    match formula {
        Formula::Literal(literal) => literals.push(*literal),
        Formula::All(parts) | Formula::Any(parts) => parts
            .iter()
            .for_each(|part| collect_literals(part, literals)),
    }
}

fn expand_formula(formula: &Formula) -> Vec<Cube> {
    match formula {
        Formula::Literal(literal) => vec![vec![*literal]],
        Formula::Any(parts) => parts.iter().flat_map(expand_formula).collect(),
        Formula::All(parts) => {
            parts
                .iter()
                .map(expand_formula)
                .fold(vec![Cube::new()], |product, part| {
                    let join = |left: &Cube, right: &Cube| {
                        left.iter().chain(right).copied().collect::<Cube>()
                    };
                    product
                        .iter()
                        .flat_map(|left| part.iter().map(move |right| join(left, right)))
                        .collect()
                })
        }
    }
}

/// Drops every conjunction that implies another: what it matches is matched anyway.
fn absorb_cubes(mut cubes: Vec<Cube>, atoms: &Atoms) -> Vec<Cube> {
    cubes.sort_unstable_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
    cubes.dedup();
    let covers = |general: &Cube, special: &Cube| {
        general.iter().all(|wanted| {
            special.binary_search(wanted).is_ok()
                || special
                    .iter()
                    .any(|given| theory::literal_implies(*given, *wanted, atoms))
        })
    };
    let mut kept: Vec<Cube> = Vec::with_capacity(cubes.len());
    for cube in cubes {
        if !kept.iter().any(|general| covers(general, &cube)) {
            kept.retain(|special| !covers(&cube, special));
            kept.push(cube);
        }
    }
    kept
}

/// Adds every conjunction that follows from two others, one of which holds a literal and the other
/// one that is true whenever the first is false, until nothing new follows. What is left when the
/// implied ones are dropped depends only on the meaning, not on the spelling. `None` when that
/// would take too many conjunctions.
fn close_cubes(cubes: &[Cube], atoms: &mut Atoms) -> Option<Vec<Cube>> {
    let mut cubes = cubes.to_vec();
    for _ in 0..MAX_ROUNDS {
        let complements = find_complements(&cubes, atoms);
        if complements.is_empty() {
            return Some(cubes);
        }
        if cubes.len() > MAX_COMBINED {
            return None;
        }
        let mut pairs = Vec::new();
        for (at, other) in (0..cubes.len())
            .flat_map(|at| (0..cubes.len()).map(move |other| (at, other)))
            .filter(|(at, other)| at != other)
        {
            visit_opposed(
                &cubes[at],
                &cubes[other],
                &complements,
                &mut |first, second| pairs.push((at, first, other, second)),
            );
            if pairs.len() > MAX_PAIRS {
                return None;
            }
        }
        let mut grown = cubes.clone();
        for (at, first, other, second) in pairs {
            let rest = cubes[at].iter().filter(|literal| **literal != first);
            let rest = rest.chain(cubes[other].iter().filter(|literal| **literal != second));
            grown.extend(theory::simplify_cube(rest.copied().collect(), atoms));
        }
        grown = absorb_cubes(grown, atoms);
        if grown.len() > MAX_CLOSURE {
            return None;
        }
        if grown == cubes {
            return Some(cubes);
        }
        cubes = grown;
    }
    None
}

/// The pairs of literals of which at least one is always true. Without a negation there is none.
fn find_complements(cubes: &[Cube], atoms: &Atoms) -> Vec<(u32, u32)> {
    let mut seen: Vec<u32> = cubes.iter().flatten().copied().collect();
    seen.sort_unstable();
    seen.dedup();
    let negations = seen.iter().filter(|literal| *literal % 2 == 1);
    let pairs = negations.flat_map(|negation| seen.iter().map(move |other| (*negation, *other)));
    let mut found: Vec<(u32, u32)> = pairs
        .filter(|(a, b)| theory::literal_implies(a ^ 1, *b, atoms))
        .collect();
    found.sort_unstable();
    found
}

/// The complementary pairs between two conjunctions.
fn visit_opposed(a: &Cube, b: &Cube, complements: &[(u32, u32)], found: &mut dyn FnMut(u32, u32)) {
    for &first in a.iter().filter(|literal| *literal % 2 == 1) {
        for &second in b {
            if complements.binary_search(&(first, second)).is_ok() {
                found(first, second);
            }
        }
    }
}
