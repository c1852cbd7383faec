//! What a place takes, and what it never gets: a part's members, a row's columns, a condition, an argument
//! of a function. It must never tell of what might fit.

use super::{MemberShape, ShapeReader, Value, ValueShape, did_you_mean};
use crate::definition::RowTarget;

impl ShapeReader<'_> {
    /// Tells of members that are given and not taken.
    pub(super) fn fits(&mut self, given: &MemberShape, taken: &MemberShape, what: &str) {
        match (given, taken) {
            (MemberShape::Closed(given), MemberShape::Closed(taken)) => {
                for (name, shape) in given {
                    match taken.get(name) {
                        Some(taken) if !shape.may_be(taken) => {
                            self.expect(&format!("`{name}` of {what}"), shape, taken);
                        }
                        Some(taken) => self.fits(shape, taken, what),
                        None => {
                            let hint = did_you_mean(name, taken.keys().map(String::as_str));
                            self.tell(format!("{what} takes no member `{name}`{hint}"));
                        }
                    }
                }
            }
            (MemberShape::List(given), MemberShape::List(taken)) => self.fits(given, taken, what),
            _ => {}
        }
    }

    /// Tells of cells that their columns never take.
    pub(super) fn fits_columns(&mut self, row: &RowTarget, given: &MemberShape) {
        let (MemberShape::Closed(columns), MemberShape::Closed(given)) = (self.row(row), given)
        else {
            return;
        };
        for (name, shape) in given {
            if let Some(taken) = columns.get(&name.to_lowercase()) {
                let what = format!("column `{name}` of table `{}`", row.table);
                self.expect(&what, shape, taken);
            }
        }
    }

    pub(super) fn expect(&mut self, what: &str, given: &MemberShape, taken: &MemberShape) {
        if !given.may_be(taken) {
            let (given, taken) = (given.described(), taken.described());
            self.tell(match given == taken {
                true => format!("{what} takes {taken} of other elements"),
                false => format!("{what} takes {taken}, not {given}"),
            });
        }
    }

    pub(super) fn condition(&mut self, condition: &Value) {
        let shape = self.value(condition);
        self.expect("a condition", &shape, &MemberShape::TRUTH);
    }

    pub(super) fn comparable(&mut self, one: &MemberShape, other: &MemberShape) {
        if !one.may_be(other) {
            let (one, other) = (one.described(), other.described());
            self.tell(format!("less: cannot compare {one} with {other}"));
        }
    }

    /// Tells of a reference to what the function never takes; of other arguments their own form tells.
    pub(super) fn check_kind(
        &mut self,
        (function, wanted): (&str, ValueShape),
        (number, argument): (usize, &Value),
        shape: &MemberShape,
    ) {
        let reference = argument.as_str().filter(|text| text.starts_with('$'));
        let kinds = shape.kinds();
        if let Some(reference) = reference
            && !kinds.iter().any(|kind| wanted.takes(*kind))
        {
            self.tell(format!(
                "{function}: argument {number} must be {}, and `{reference}` is {}",
                wanted.name(),
                shape.described()
            ));
        }
    }
}
