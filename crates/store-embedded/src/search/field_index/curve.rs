//! Points as numbers along a curve (the bits of latitude and longitude by turns), so that an area is
//! a few stretches of it. A number tells its point to the last bit that a search looks at.

use crate::search::place::{LAT_STEP, LON_STEP, encoded_point};
use std::ops::RangeInclusive;
use store::mapping::point::Point;

/// Stretches that an area is cut into at most, about.
const MOST: usize = 128;

/// Latitudes and longitudes of an area in steps from the south-western corner of the map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MapFrame {
    pub lat: RangeInclusive<u32>,
    pub lon: RangeInclusive<u32>,
}

const HALF: i64 = 1 << 31;

/// From steps around zero.
pub(crate) fn clamped_step(step: i64) -> u32 {
    (step.clamp(-HALF, HALF - 1) + HALF) as u32
}

/// A point is never outside of the frame of degrees around it, which are taken somewhat wider.
pub(crate) fn degrees_frame(lat: (f64, f64), lon: (f64, f64)) -> MapFrame {
    const MARGIN: f64 = 1e-6;
    let low = |degrees: f64, step: f64| clamped_step(((degrees - MARGIN) / step).floor() as i64);
    let high = |degrees: f64, step: f64| clamped_step(((degrees + MARGIN) / step).ceil() as i64);
    MapFrame {
        lat: low(lat.0, LAT_STEP)..=high(lat.1, LAT_STEP),
        lon: low(lon.0, LON_STEP)..=high(lon.1, LON_STEP),
    }
}

pub(crate) fn point_key(point: Point) -> u64 {
    let (lat, lon) = encoded_point(point);
    spread(clamped_step(lat)) << 1 | spread(clamped_step(lon))
}

pub(crate) fn key_point(key: u64) -> Point {
    let steps = |bits: u64| i64::from(gather(bits)) - HALF;
    Point {
        lat: steps(key >> 1) as f64 * LAT_STEP,
        lon: steps(key) as f64 * LON_STEP,
    }
}

/// Each bit with room for another before it.
fn spread(bits: u32) -> u64 {
    let mut bits = u64::from(bits);
    for (shift, mask) in SPREAD {
        bits = (bits | bits << shift) & mask;
    }
    bits
}

fn gather(bits: u64) -> u32 {
    let mut bits = bits & SPREAD[4].1;
    for n in (0..5).rev() {
        let next = if n == 0 { 0xffff_ffff } else { SPREAD[n - 1].1 };
        bits = (bits | bits >> SPREAD[n].0) & next;
    }
    bits as u32
}

const SPREAD: [(u32, u64); 5] = [
    (16, 0x0000_ffff_0000_ffff),
    (8, 0x00ff_00ff_00ff_00ff),
    (4, 0x0f0f_0f0f_0f0f_0f0f),
    (2, 0x3333_3333_3333_3333),
    (1, 0x5555_5555_5555_5555),
];

/// A square of the map: where it begins, and the length of its sides as a power of two.
#[derive(Clone, Copy)]
struct MapSquare {
    lat: u32,
    lon: u32,
    size: u32,
}

impl MapSquare {
    fn side(self) -> u32 {
        ((1_u64 << self.size) - 1) as u32
    }

    fn meets(self, frame: &MapFrame) -> bool {
        let side = self.side();
        self.lat <= *frame.lat.end()
            && self.lat + side >= *frame.lat.start()
            && self.lon <= *frame.lon.end()
            && self.lon + side >= *frame.lon.start()
    }

    fn is_within(self, frame: &MapFrame) -> bool {
        let side = self.side();
        frame.lat.contains(&self.lat)
            && frame.lat.contains(&(self.lat + side))
            && frame.lon.contains(&self.lon)
            && frame.lon.contains(&(self.lon + side))
    }

    fn keys(self) -> RangeInclusive<u64> {
        let first = spread(self.lat) << 1 | spread(self.lon);
        let count = 1_u128 << (2 * self.size);
        first..=(u128::from(first) + count - 1) as u64
    }

    fn quarters(self) -> [Self; 4] {
        let size = self.size - 1;
        let half = 1_u32 << size;
        [(0, 0), (0, half), (half, 0), (half, half)].map(|(lat, lon)| Self {
            lat: self.lat + lat,
            lon: self.lon + lon,
            size,
        })
    }
}

/// Stretches of the curve that hold every point of the frame, and others.
pub(crate) fn stretches(frame: &MapFrame) -> Vec<RangeInclusive<u64>> {
    let mut open = vec![MapSquare {
        lat: 0,
        lon: 0,
        size: 32,
    }];
    let mut done = Vec::new();
    // All squares of one size before those that are smaller.
    while !open.is_empty() && open.len() + done.len() < MOST {
        let mut next = Vec::new();
        for square in open {
            if square.size == 0 || square.is_within(frame) {
                done.push(square);
            } else {
                next.extend(
                    square
                        .quarters()
                        .into_iter()
                        .filter(|square| square.meets(frame)),
                );
            }
        }
        open = next;
    }
    done.extend(open);
    let mut keys: Vec<_> = done.into_iter().map(MapSquare::keys).collect();
    keys.sort_unstable_by_key(|keys| *keys.start());
    keys
}

#[cfg(test)]
mod tests {
    use super::{MapFrame, clamped_step, degrees_frame, key_point, point_key, stretches};
    use crate::search::place::{encoded_point, indexed_point};
    use store::mapping::point::Point;

    fn points() -> impl Iterator<Item = Point> {
        let lats = [
            -90.0,
            -89.999_999,
            -33.3,
            -1e-9,
            0.0,
            1e-9,
            51.05,
            89.999,
            90.0,
        ];
        let lons = [-180.0, -179.999, -3.7, -1e-9, 0.0, 3.72, 179.999, 180.0];
        lats.into_iter()
            .flat_map(move |lat| lons.into_iter().map(move |lon| Point { lat, lon }))
    }

    #[test]
    fn a_key_tells_its_point_as_an_index_keeps_it() {
        for point in points() {
            let (kept, told) = (indexed_point(point), key_point(point_key(point)));
            assert_eq!((kept.lat, kept.lon), (told.lat, told.lon));
            let again = indexed_point(told);
            assert_eq!((kept.lat, kept.lon), (again.lat, again.lon));
            assert_eq!(point_key(point), point_key(told));
        }
    }

    #[test]
    fn no_point_of_a_frame_is_missed() {
        for (lat, lon) in [
            ((-90.0, 90.0), (-180.0, 180.0)),
            ((51.0, 51.1), (3.7, 3.8)),
            ((-1.0, 1.0), (-1.0, 1.0)),
            ((0.0, 0.0), (0.0, 0.0)),
            ((89.0, 90.0), (179.0, 180.0)),
        ] {
            let frame: MapFrame = degrees_frame(lat, lon);
            let keys = stretches(&frame);
            assert!(keys.len() <= 600, "{}", keys.len());
            assert!(keys.windows(2).all(|two| two[0].end() < two[1].start()));
            for point in points() {
                let (a, b) = encoded_point(point);
                let is_in =
                    frame.lat.contains(&clamped_step(a)) && frame.lon.contains(&clamped_step(b));
                let key = point_key(point);
                let is_found = keys.iter().any(|keys| keys.contains(&key));
                assert!(is_found || !is_in, "{point:?}");
            }
        }
    }
}
