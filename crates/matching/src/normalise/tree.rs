//! What is kept of a formula that is too large to multiply out: the tree, with sorted and distinct
//! branches. Must never make it larger.

use super::atoms::{Atoms, Formula, connect_formulas, constant_formula};
use super::{Tree, theory};

/// One pass of simplification: literals side by side are reduced as in a conjunction, equal
/// branches are merged.
pub fn simplify_formula(formula: Formula, atoms: &mut Atoms) -> Formula {
    match formula {
        Formula::Literal(_) => formula,
        Formula::All(parts) => side_by_side(parts, true, atoms),
        Formula::Any(parts) => side_by_side(parts, false, atoms),
    }
}

/// An `or` is reduced as the `and` of the opposites.
fn side_by_side(parts: Vec<Formula>, all: bool, atoms: &mut Atoms) -> Formula {
    let parts = parts
        .into_iter()
        .map(|part| simplify_formula(part, atoms))
        .collect();
    let parts = match (connect_formulas(parts, all), all) {
        (Formula::All(parts), true) | (Formula::Any(parts), false) => parts,
        (reduced, _) => return reduced,
    };
    let flip = u32::from(!all);
    let literals: Vec<u32> = parts
        .iter()
        .filter_map(Formula::as_literal)
        .map(|literal| literal ^ flip)
        .collect();
    // In an `or` no literal may be written in another way: multiplied out, its parts stand alone
    // and could not be either.
    let reduced = if all {
        theory::simplify_cube(literals, atoms)
    } else {
        theory::reduce_cube(literals, atoms)
    };
    let Some(literals) = reduced else {
        return constant_formula(!all);
    };
    let mut kept: Vec<Formula> = literals
        .into_iter()
        .map(|literal| Formula::Literal(literal ^ flip))
        .collect();
    kept.extend(parts.into_iter().filter(|part| part.as_literal().is_none()));
    kept.sort_unstable();
    kept.dedup();
    connect_formulas(kept, all)
}

/// The tree as it is given out: the two ends of a range joined again, branches sorted by their
/// text.
pub fn output_tree(formula: &Formula, atoms: &Atoms) -> Tree {
    let (parts, all) = match formula {
        Formula::Literal(literal) => (vec![Formula::Literal(*literal)], true),
        Formula::All(parts) => (parts.clone(), true),
        Formula::Any(parts) => (parts.clone(), false),
    };
    let literals: Vec<u32> = parts.iter().filter_map(Formula::as_literal).collect();
    let literals = if all {
        atoms.literals(&literals)
    } else {
        literals
            .iter()
            .flat_map(|literal| atoms.literals(&[*literal]))
            .collect()
    };
    let mut trees: Vec<Tree> = literals.into_iter().map(Tree::Literal).collect();
    trees.extend(
        parts
            .iter()
            .filter(|part| part.as_literal().is_none())
            .map(|part| output_tree(part, atoms)),
    );
    trees.sort_by_cached_key(Tree::text);
    if trees.len() == 1 {
        return trees.remove(0);
    }
    if all {
        Tree::All(trees)
    } else {
        Tree::Any(trees)
    }
}
