//! Multiplying a formula out into an `or` of conjunctions, and making that unique. Must never start what it cannot finish
//! within the bounds below.

use super::atoms::{Atoms, Formula};
use super::{largest, theory};

/// More conjunctions than this are not combined with each other.
const MAX_COMBINED: usize = 64;

/// Combining stops, without effect, when it makes more conjunctions than this.
const MAX_CLOSURE: usize = 256;

type Cube = Vec<u32>;

/// The unique set of conjunctions, or `None` when multiplying out would exceed the bound.
pub fn canonical(formula: &Formula, atoms: &mut Atoms) -> Option<Vec<Cube>> {
    let mut distinct = Vec::new();
    collect(formula, &mut distinct);
    if size(formula).literals > bound(distinct) {
        return None;
    }
    let cubes: Vec<Cube> = expand(formula).into_iter().filter_map(|cube| theory::simplify(cube, atoms)).collect();
    let cubes = absorb(cubes, atoms);
    close(&cubes, atoms).filter(|closed| fits(closed)).or_else(|| Some(cubes).filter(|cubes| fits(cubes)))
}

fn bound(mut literals: Vec<u32>) -> usize {
    literals.sort_unstable();
    literals.dedup();
    largest(literals.len())
}

/// Whether the result, read as a formula, is within the bound again.
fn fits(cubes: &[Cube]) -> bool {
    let literals: usize = cubes.iter().map(Vec::len).sum();
    literals <= bound(cubes.iter().flatten().copied().collect())
}

/// How large the multiplied form is: conjunctions, and literals in all of them together.
#[derive(Clone, Copy)]
struct Size {
    cubes: usize,
    literals: usize,
}

fn size(formula: &Formula) -> Size {
    match formula {
        Formula::Literal(_) => Size { cubes: 1, literals: 1 },
        Formula::Any(parts) => parts.iter().map(size).fold(Size { cubes: 0, literals: 0 }, |sum, part| Size {
            cubes: sum.cubes.saturating_add(part.cubes),
            literals: sum.literals.saturating_add(part.literals),
        }),
        Formula::All(parts) => parts.iter().map(size).fold(Size { cubes: 1, literals: 0 }, |product, part| Size {
            cubes: product.cubes.saturating_mul(part.cubes),
            literals: (product.literals.saturating_mul(part.cubes)).saturating_add(part.literals.saturating_mul(product.cubes)),
        }),
    }
}

fn collect(formula: &Formula, literals: &mut Vec<u32>) {
    match formula {
        Formula::Literal(literal) => literals.push(*literal),
        Formula::All(parts) | Formula::Any(parts) => parts.iter().for_each(|part| collect(part, literals)),
    }
}

fn expand(formula: &Formula) -> Vec<Cube> {
    match formula {
        Formula::Literal(literal) => vec![vec![*literal]],
        Formula::Any(parts) => parts.iter().flat_map(expand).collect(),
        Formula::All(parts) => parts.iter().map(expand).fold(vec![Cube::new()], |product, part| {
            let join = |left: &Cube, right: &Cube| left.iter().chain(right).copied().collect::<Cube>();
            product.iter().flat_map(|left| part.iter().map(move |right| join(left, right))).collect()
        }),
    }
}

/// Drops every conjunction that implies another: what it matches is matched anyway.
fn absorb(mut cubes: Vec<Cube>, atoms: &Atoms) -> Vec<Cube> {
    cubes.sort_unstable_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
    cubes.dedup();
    let covers = |general: &Cube, special: &Cube| {
        general.iter().all(|wanted| special.binary_search(wanted).is_ok() || special.iter().any(|given| theory::implies(*given, *wanted, atoms)))
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

/// Adds every conjunction that follows from two others that differ in the sign of one literal, until nothing new follows.
/// What is left when the implied ones are dropped depends only on the meaning, not on the spelling. `None` when that would
/// take too many conjunctions.
fn close(cubes: &[Cube], atoms: &mut Atoms) -> Option<Vec<Cube>> {
    let mut cubes = cubes.to_vec();
    loop {
        if !both_signs(&cubes) {
            return Some(cubes);
        }
        if cubes.len() > MAX_COMBINED {
            return None;
        }
        let mut grown = cubes.clone();
        for (at, a) in cubes.iter().enumerate() {
            for b in &cubes[at + 1..] {
                grown.extend(consensus(a, b).and_then(|cube| theory::simplify(cube, atoms)));
            }
        }
        if grown.len() > MAX_CLOSURE * MAX_COMBINED {
            return None;
        }
        grown = absorb(grown, atoms);
        if grown.len() > MAX_CLOSURE {
            return None;
        }
        if grown == cubes {
            return Some(cubes);
        }
        cubes = grown;
    }
}

/// Whether some condition is asserted in one conjunction and denied in another.
fn both_signs(cubes: &[Cube]) -> bool {
    let mut seen: Vec<u32> = cubes.iter().flatten().copied().collect();
    seen.sort_unstable();
    seen.dedup();
    seen.windows(2).any(|pair| pair[0] ^ 1 == pair[1])
}

/// What follows from two conjunctions that contradict each other in exactly one literal.
fn consensus(a: &Cube, b: &Cube) -> Option<Cube> {
    let mut opposed = a.iter().filter(|literal| b.binary_search(&(*literal ^ 1)).is_ok());
    let (Some(literal), None) = (opposed.next(), opposed.next()) else {
        return None;
    };
    Some(a.iter().chain(b).filter(|other| *other / 2 != literal / 2).copied().collect())
}
