//! The areas of one field, found by a point inside their bounds: a grid of many meshes, and an
//! R*-tree where a cell gets crowded. Must never answer for a point that is in the outer rectangle
//! of an area alone: the exact test comes after. What is in the inner one needs none.
//!
//! A rectangle lies in the mesh whose cells are just wider and just higher than it is, so in at
//! most four cells, and a point looks into one cell of each mesh in use. What it finds there is
//! near the point, compared with its own size, whatever sizes there are.
//!
//! See ADR 5.

#[cfg(test)]
mod tests;

use rstar::{AABB, RTree, RTreeObject};

use super::named::NamedTable;
use crate::geo::{Bounds, Point, Rectangle};

/// A cell with more rectangles than this keeps them in a tree.
const CROWDED: usize = 96;

/// The side of the largest cell, in degrees: more than the earth has.
const WORLD: f64 = 512.0;

/// The finest mesh: cells of some three metres.
const FINEST: i32 = 24;

/// One rectangle of a leaf, in 32-bit degrees rounded outwards.
#[derive(Debug, Clone, Copy)]
struct ShapeEntry {
    low: [f32; 2],
    high: [f32; 2],
    /// The inner rectangle, rounded inwards; when there is none, what lies below its low end is
    /// beyond its high one.
    inner_low: [f32; 2],
    inner_high: [f32; 2],
    leaf: u32,
}

/// Where the inner rectangle is follows from the shape.
impl PartialEq for ShapeEntry {
    fn eq(&self, other: &Self) -> bool {
        (self.leaf, self.low, self.high) == (other.leaf, other.low, other.high)
    }
}

impl ShapeEntry {
    #[inline]
    fn is_inside(&self, [lon, lat]: [f32; 2]) -> bool {
        let ([west, south], [east, north]) = (self.inner_low, self.inner_high);
        (west <= lon) & (lon <= east) & (south <= lat) & (lat <= north)
    }
}

impl RTreeObject for ShapeEntry {
    type Envelope = AABB<[f32; 2]>;

    fn envelope(&self) -> Self::Envelope {
        AABB::from_corners(self.low, self.high)
    }
}

#[derive(Debug)]
enum ShapeCell {
    Few(Vec<ShapeEntry>),
    Many(Box<RTree<ShapeEntry>>),
}

/// How fine a mesh is, along longitudes and latitudes: each step halves the cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mesh {
    lon: i32,
    lat: i32,
}

/// The areas of one field.
#[derive(Debug, Default)]
pub(super) struct IndexedShapes {
    cells: NamedTable<ShapeCell>,
    /// The meshes in use, and how many rectangles lie in each.
    meshes: Vec<(Mesh, u32)>,
}

impl IndexedShapes {
    /// An area within the bounds, and around the inner rectangle.
    pub(super) fn insert(&mut self, bounds: &Bounds, inner: Option<Rectangle>, leaf: u32) {
        for rectangle in std::iter::once(&bounds.first).chain(&bounds.second) {
            let mesh = Mesh::of(rectangle);
            let entry = shape_entry(rectangle, inner.as_ref(), leaf);
            match self.meshes.iter_mut().find(|(known, _)| *known == mesh) {
                Some((_, count)) => *count += 1,
                None => self.meshes.push((mesh, 1)),
            }
            let cells = &mut self.cells;
            mesh.each_cell(rectangle, |name| {
                cells.change(name, |cell| cell.insert(entry));
            });
        }
    }

    pub(super) fn remove(&mut self, bounds: &Bounds, leaf: u32) {
        for rectangle in std::iter::once(&bounds.first).chain(&bounds.second) {
            let (mesh, entry) = (Mesh::of(rectangle), shape_entry(rectangle, None, leaf));
            let cells = &mut self.cells;
            mesh.each_cell(rectangle, |name| {
                if cells.get_mut(name).is_some_and(|cell| cell.remove(&entry)) {
                    cells.remove(name);
                }
            });
            if let Some(at) = self.meshes.iter().position(|(known, _)| *known == mesh) {
                self.meshes[at].1 -= 1;
                if self.meshes[at].1 == 0 {
                    self.meshes.swap_remove(at);
                }
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.meshes.is_empty()
    }

    /// Visits every leaf whose bounds hold the point, and says whether its inner rectangle does.
    pub(super) fn search(&self, point: Point, mut visit: impl FnMut(u32, bool)) {
        let point = Bounds::position(point);
        let at = [point.lon as f32, clamp_latitude(point.lat) as f32];
        for (mesh, _) in &self.meshes {
            if let Some(cell) = self.cells.get(mesh.cell(point.lon, point.lat)) {
                cell.search(at, &mut visit);
            }
        }
    }
}

impl Default for ShapeCell {
    fn default() -> Self {
        ShapeCell::Few(Vec::new())
    }
}

impl ShapeCell {
    fn insert(&mut self, entry: ShapeEntry) {
        match self {
            ShapeCell::Few(entries) if entries.len() < CROWDED => entries.push(entry),
            ShapeCell::Few(entries) => {
                entries.push(entry);
                *self = ShapeCell::Many(Box::new(RTree::bulk_load(std::mem::take(entries))));
            }
            ShapeCell::Many(tree) => tree.insert(entry),
        }
    }

    /// Whether the cell is empty now.
    fn remove(&mut self, entry: &ShapeEntry) -> bool {
        match self {
            ShapeCell::Few(entries) => {
                if let Some(at) = entries.iter().position(|found| found == entry) {
                    entries.swap_remove(at);
                }
                entries.is_empty()
            }
            ShapeCell::Many(tree) => {
                tree.remove(entry);
                tree.size() == 0
            }
        }
    }

    #[inline]
    fn search(&self, at @ [lon, lat]: [f32; 2], visit: &mut impl FnMut(u32, bool)) {
        match self {
            ShapeCell::Few(entries) => {
                for entry in entries {
                    let ([west, south], [east, north]) = (entry.low, entry.high);
                    // No short cut: four comparisons are cheaper than one wrong guess.
                    if (west <= lon) & (lon <= east) & (south <= lat) & (lat <= north) {
                        visit(entry.leaf, entry.is_inside(at));
                    }
                }
            }
            ShapeCell::Many(tree) => tree
                .locate_in_envelope_intersecting(&AABB::from_point([lon, lat]))
                .for_each(|entry| visit(entry.leaf, entry.is_inside(at))),
        }
    }
}

impl Mesh {
    /// The finest mesh of which no cell is narrower or lower than the rectangle.
    fn of(rectangle: &Rectangle) -> Self {
        let steps = |side: f64| ((WORLD / side.max(1e-9)).log2().floor() as i32).clamp(0, FINEST);
        Self {
            lon: steps(rectangle.east - rectangle.west),
            lat: steps(clamp_latitude(rectangle.north) - clamp_latitude(rectangle.south)),
        }
    }

    /// The names of the cells that a rectangle touches: two by two at most, but for rounding.
    fn each_cell(self, rectangle: &Rectangle, mut visit: impl FnMut(u64)) {
        let (first, last) = (self.column(rectangle.west), self.column(rectangle.east));
        let (lowest, highest) = (self.row(rectangle.south), self.row(rectangle.north));
        for column in first..=last {
            (lowest..=highest).for_each(|row| visit(self.name(column, row)));
        }
    }

    fn cell(self, lon: f64, lat: f64) -> u64 {
        self.name(self.column(lon), self.row(lat))
    }

    /// Both keep the order, so a point between two edges has its cell between theirs.
    fn column(self, lon: f64) -> u64 {
        ((lon + WORLD / 2.0) * f64::from(1_u32 << self.lon) / WORLD) as u64
    }

    fn row(self, lat: f64) -> u64 {
        ((clamp_latitude(lat) + WORLD / 2.0) * f64::from(1_u32 << self.lat) / WORLD) as u64
    }

    fn name(self, column: u64, row: u64) -> u64 {
        (self.lon as u64) << 59 | (self.lat as u64) << 54 | column << 27 | row
    }
}

fn round_down(degrees: f64) -> f32 {
    (degrees as f32).next_down()
}

fn round_up(degrees: f64) -> f32 {
    (degrees as f32).next_up()
}

/// No latitude is that large, but documents hold anything. Rounding and this keep the order, so
/// nothing inside ends up outside.
fn clamp_latitude(lat: f64) -> f64 {
    lat.clamp(-200.0, 200.0)
}

fn shape_entry(rectangle: &Rectangle, inner: Option<&Rectangle>, leaf: u32) -> ShapeEntry {
    // A point is rounded, too, but never past what is rounded likewise.
    let rounded = inner.map(|inner| {
        let low = [round_up(inner.west), round_up(clamp_latitude(inner.south))];
        let high = [
            round_down(inner.east),
            round_down(clamp_latitude(inner.north)),
        ];
        (low, high)
    });
    let (inner_low, inner_high) = rounded.unwrap_or(([f32::INFINITY; 2], [f32::NEG_INFINITY; 2]));
    ShapeEntry {
        inner_low,
        inner_high,
        low: [
            round_down(rectangle.west),
            round_down(clamp_latitude(rectangle.south)),
        ],
        high: [
            round_up(rectangle.east),
            round_up(clamp_latitude(rectangle.north)),
        ],
        leaf,
    }
}
