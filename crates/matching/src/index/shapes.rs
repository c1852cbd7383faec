//! The areas of one field, found by a point inside their bounds: an R*-tree of rectangles.
//! Must never answer by itself: a rectangle holds more than its shape, the exact test comes after.

use rstar::{AABB, RTree, RTreeObject, RTreeParams};

use crate::geo::{Bounds, Point, Rectangle};

/// One rectangle of a leaf, in 32-bit degrees rounded outwards.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Entry {
    low: [f32; 2],
    high: [f32; 2],
    leaf: u32,
}

impl RTreeObject for Entry {
    type Envelope = AABB<[f32; 2]>;

    fn envelope(&self) -> Self::Envelope {
        AABB::from_corners(self.low, self.high)
    }
}

/// Wide nodes: less depth, and less memory for each rectangle.
#[derive(Debug)]
struct WideNodes;

impl RTreeParams for WideNodes {
    const MIN_SIZE: usize = 4;
    const MAX_SIZE: usize = 12;
    const REINSERTION_COUNT: usize = 3;
    type DefaultInsertionStrategy = rstar::RStarInsertionStrategy;
}

/// The areas of one field.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    tree: RTree<Entry, WideNodes>,
}

fn down(degrees: f64) -> f32 {
    (degrees as f32).next_down()
}

fn up(degrees: f64) -> f32 {
    (degrees as f32).next_up()
}

/// No latitude is that large, but documents hold anything. Rounding and this keep the order, so nothing inside ends up outside.
fn clamp(lat: f64) -> f64 {
    lat.clamp(-1e6, 1e6)
}

fn entry(rectangle: &Rectangle, leaf: u32) -> Entry {
    Entry {
        low: [down(rectangle.west), down(clamp(rectangle.south))],
        high: [up(rectangle.east), up(clamp(rectangle.north))],
        leaf,
    }
}

impl Shapes {
    pub(super) fn insert(&mut self, bounds: &Bounds, leaf: u32) {
        self.tree.insert(entry(&bounds.first, leaf));
        if let Some(second) = &bounds.second {
            self.tree.insert(entry(second, leaf));
        }
    }

    pub(super) fn remove(&mut self, bounds: &Bounds, leaf: u32) {
        self.tree.remove(&entry(&bounds.first, leaf));
        if let Some(second) = &bounds.second {
            self.tree.remove(&entry(second, leaf));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tree.size() == 0
    }

    /// Visits every leaf whose bounds hold the point; a leaf of two rectangles may come twice.
    pub(super) fn search(&self, point: Point, mut visit: impl FnMut(u32)) {
        let at = Bounds::position(point);
        let at = [at.lon as f32, clamp(at.lat) as f32];
        self.tree.locate_in_envelope_intersecting(&AABB::from_point(at)).for_each(|entry| visit(entry.leaf));
    }
}
