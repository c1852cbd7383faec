//! One condition of the registered filters, kept once however many filters ask for it.
//! Must never mean anything else than the condition it was made from.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde_json::Value;

use super::patterns::PatternGrams;
use super::posting::Posting;
use super::scalar::{HeldScalars, ScalarRef};
use crate::document::Document;
use crate::evaluate;
use crate::field::FieldPath;
use crate::filter::{Bounds, Condition, Shape};
use crate::geo::{self, Polygon, Radius, TestedPoint};
use crate::normalise::{self, Literal, Tree};
use crate::pattern::Pattern;

/// The field number of conditions that concern no single field.
pub(super) const NO_FIELD: u32 = u32::MAX;

/// A condition and those who wait for it: one line of the processor's cache, since a document meets
/// few of the many.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct IndexedLeaf {
    pub(super) test: Test,
    pub(super) field: u32,
    /// How many conjunctions mention it.
    pub(super) references: u32,
    /// Whom to tell when it holds: conjunctions it is the access condition of, and filters that are
    /// just this condition.
    pub(super) waiting: Posting,
    /// One more than the number of the guarded group that is skipped when it holds; 0 for none.
    pub(super) group: u32,
}

/// What a leaf asks of the value of its field.
#[derive(Debug)]
pub(super) enum Test {
    Equals(HeldScalars),
    Exists,
    Holds(HeldScalars),
    Range(Box<Bounds>),
    Regexp(Box<LeafSearch>),
    Geo(Box<LeafArea>),
    /// Apart from the other areas, so that its corners are one step away.
    Polygon(Polygon),
    Match(Box<LeafKept>),
    Select(Box<LeafKept>),
    /// A part too large for conjunctions; evaluated as it stands.
    Tree(Box<Tree>),
}

/// A condition that is evaluated as it stands, with its canonical text.
#[derive(Debug)]
pub(super) struct LeafKept {
    pub(super) condition: Arc<Condition>,
    text: Box<str>,
}

impl LeafKept {
    fn new(condition: &Arc<Condition>) -> Box<Self> {
        let text = Literal {
            condition: Arc::clone(condition),
            negated: false,
        }
        .text()
        .into();
        Box::new(Self {
            condition: Arc::clone(condition),
            text,
        })
    }
}

/// A pattern and where it waits.
#[derive(Debug)]
pub(super) struct LeafSearch {
    pub(super) pattern: Pattern,
    pub(super) place: PatternGrams,
}

/// An area other than a polygon, ready for many tests.
#[derive(Debug, PartialEq)]
pub(super) enum LeafArea {
    Box(geo::BoundingBox),
    Radius(Radius),
}

impl LeafArea {
    pub(super) fn bounds(&self) -> geo::Bounds {
        match self {
            LeafArea::Box(area) => area.bounds(),
            LeafArea::Radius(radius) => radius.bounds(),
        }
    }

    fn inner(&self) -> Option<geo::Rectangle> {
        match self {
            LeafArea::Box(area) => area.inner(),
            LeafArea::Radius(radius) => radius.inner(),
        }
    }

    fn contains(&self, at: &TestedPoint) -> bool {
        match self {
            LeafArea::Box(area) => area.contains(at.point),
            LeafArea::Radius(radius) => radius.contains(at.point, at.direction()),
        }
    }
}

/// The field a condition is about.
pub(super) fn field_of(condition: &Condition) -> Option<&FieldPath> {
    match condition {
        Condition::Equals { field, .. }
        | Condition::In { field, .. }
        | Condition::Exists { field }
        | Condition::Holds { field, .. }
        | Condition::Range { field, .. }
        | Condition::Regexp { field, .. }
        | Condition::Geo { field, .. }
        | Condition::Select { field, .. } => Some(field),
        Condition::Match { .. } => None,
    }
}

impl Test {
    /// Nothing for `in`, which the normal form does not have.
    pub(super) fn new(condition: &Arc<Condition>) -> Option<Self> {
        Some(match &**condition {
            Condition::Equals { value, .. } => Test::Equals(value.into()),
            Condition::In { .. } => return None,
            Condition::Exists { .. } => Test::Exists,
            Condition::Holds { value, .. } => Test::Holds(value.into()),
            Condition::Range { bounds, .. } => Test::Range(Box::new(*bounds)),
            Condition::Regexp { pattern, .. } => Test::Regexp(Box::new(LeafSearch {
                pattern: pattern.clone(),
                place: PatternGrams::default(),
            })),
            Condition::Geo { shape, .. } => Test::of_shape(shape),
            Condition::Match { .. } => Test::Match(LeafKept::new(condition)),
            Condition::Select { .. } => Test::Select(LeafKept::new(condition)),
        })
    }

    fn of_shape(shape: &Shape) -> Self {
        Test::Geo(Box::new(match shape {
            Shape::Box(area) => LeafArea::Box(*area),
            Shape::Circle { centre, radius } => {
                LeafArea::Radius(Radius::new(*centre, 0.0, *radius))
            }
            Shape::Ring { centre, from, to } => LeafArea::Radius(Radius::new(*centre, *from, *to)),
            Shape::Polygon(polygon) => return Test::Polygon(Polygon::clone(polygon)),
        }))
    }

    /// The rectangles that hold the area; nothing for other tests.
    pub(super) fn bounds(&self) -> Option<geo::Bounds> {
        match self {
            Test::Geo(area) => Some(area.bounds()),
            Test::Polygon(polygon) => Some(polygon.bounds()),
            _ => None,
        }
    }

    /// A rectangle of which every point is in the area, if there is one.
    pub(super) fn inner(&self) -> Option<geo::Rectangle> {
        match self {
            Test::Geo(area) => area.inner(),
            Test::Polygon(polygon) => polygon.inner(),
            _ => None,
        }
    }

    /// Whether a result is worth keeping for the rest of the document.
    #[inline]
    pub(super) fn is_costly(&self) -> bool {
        match self {
            Test::Equals(_) | Test::Exists | Test::Holds(_) | Test::Range(_) => false,
            Test::Regexp(_)
            | Test::Geo(_)
            | Test::Polygon(_)
            | Test::Match(_)
            | Test::Select(_)
            | Test::Tree(_) => true,
        }
    }

    /// Whether the condition holds of a document that has this value in the field.
    pub(super) fn holds(&self, value: Option<&Value>, document: &Document<'_>) -> bool {
        match (self, value) {
            (Test::Match(kept) | Test::Select(kept), _) => {
                evaluate::condition_holds(&kept.condition, document)
            }
            (Test::Tree(tree), _) => normalise::tree_holds(tree, document),
            (_, None) => false,
            (Test::Exists, Some(_)) => true,
            (Test::Equals(held), Some(found)) => {
                ScalarRef::from_json(found).is_some_and(|scalar| held.is(scalar))
            }
            (Test::Holds(held), Some(found)) => {
                let scalars = found
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(ScalarRef::from_json);
                scalars.into_iter().any(|scalar| held.is(scalar))
            }
            (Test::Range(bounds), Some(found)) => match ScalarRef::from_json(found) {
                Some(ScalarRef::Number(number)) => bounds.contains(number),
                _ => false,
            },
            (Test::Regexp(search), Some(found)) => found
                .as_str()
                .is_some_and(|text| search.place.may_match(text) && search.pattern.is_match(text)),
            (Test::Geo(_) | Test::Polygon(_), Some(found)) => {
                geo::parse_point(found).is_some_and(|point| self.holds_at(&point.into()))
            }
        }
    }

    /// Whether it is an area that holds the position.
    #[inline]
    pub(super) fn holds_at(&self, at: &TestedPoint) -> bool {
        match self {
            Test::Geo(area) => area.contains(at),
            Test::Polygon(polygon) => polygon.contains(at.point),
            _ => false,
        }
    }

    /// Whether it asks for one scalar, so that a document's own leads to it.
    pub(super) fn is_value(&self) -> bool {
        matches!(self, Test::Equals(_) | Test::Holds(_))
    }

    /// Whether this is the test of a scalar, of the kind [`EQUALS`] or [`HOLDS`].
    #[inline]
    pub(super) fn is_scalar(&self, kind: u8, scalar: ScalarRef<'_>) -> bool {
        match self {
            Test::Equals(own) if kind == EQUALS => own.is(scalar),
            Test::Holds(own) if kind == HOLDS => own.is(scalar),
            _ => false,
        }
    }

    /// Feeds what tells this test of a field from others to a hasher. Scalars go as [`hash_scalar`]
    /// has them.
    pub(super) fn hash(&self, field: u32, hasher: &mut impl Hasher) {
        match self {
            Test::Equals(held) => return held.hash_with(before(EQUALS, field), hasher),
            Test::Holds(held) => return held.hash_with(before(HOLDS, field), hasher),
            _ => hasher.write_u32(field),
        }
        match self {
            Test::Equals(_) | Test::Holds(_) | Test::Exists | Test::Tree(_) => {}
            Test::Range(bounds) => bounds.hash(hasher),
            Test::Regexp(search) => (search.pattern.source(), search.pattern.flags()).hash(hasher),
            Test::Geo(area) => hash_area(area, hasher),
            Test::Polygon(polygon) => {
                let numbers = polygon
                    .points()
                    .iter()
                    .flat_map(|point| [point.lat, point.lon]);
                numbers.for_each(|number| hash_number(number, hasher));
            }
            Test::Match(kept) | Test::Select(kept) => kept.text.hash(hasher),
        }
    }

    /// Whether both are the same test of a field. Trees are never shared.
    pub(super) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Test::Equals(a), Test::Equals(b)) | (Test::Holds(a), Test::Holds(b)) => a == b,
            (Test::Exists, Test::Exists) => true,
            (Test::Range(a), Test::Range(b)) => a == b,
            (Test::Regexp(a), Test::Regexp(b)) => a.pattern == b.pattern,
            (Test::Geo(a), Test::Geo(b)) => a == b,
            (Test::Polygon(a), Test::Polygon(b)) => a == b,
            (Test::Match(a), Test::Match(b)) | (Test::Select(a), Test::Select(b)) => {
                a.text == b.text
            }
            _ => false,
        }
    }
}

/// Kinds of scalar tests, for [`hash_scalar`].
pub(super) const EQUALS: u8 = 0;
pub(super) const HOLDS: u8 = 1;

fn before(kind: u8, field: u32) -> u64 {
    u64::from(field) << 1 | u64::from(kind)
}

/// What [`Test::hash`] feeds for a test of a scalar.
#[inline]
pub(super) fn hash_scalar(kind: u8, field: u32, scalar: ScalarRef<'_>, hasher: &mut impl Hasher) {
    scalar.hash_with(before(kind, field), hasher);
}

fn hash_area(area: &LeafArea, hasher: &mut impl Hasher) {
    let numbers = match area {
        LeafArea::Box(area) => [area.top, area.left, area.bottom, area.right],
        LeafArea::Radius(radius) => [radius.centre().lat, radius.centre().lon, radius.to(), 0.0],
    };
    numbers
        .into_iter()
        .for_each(|number| hash_number(number, hasher));
}

/// Zero and minus zero alike, since they are equal.
fn hash_number(number: f64, hasher: &mut impl Hasher) {
    hasher.write_u64((number + 0.0).to_bits());
}

impl IndexedLeaf {
    /// Nobody waits for it.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.group == 0
    }
}
