//! The documents with a point in an area. The index tells points to the last bit that a search looks
//! at, so each is judged here as it would be in its document.

use crate::{
    search::field_index::{
        DocumentSet, FieldColumn, MapFrame, NumberForm, clamped_step, degrees_frame, key_point,
        stretches,
    },
    search::{place::MEAN_RADIUS, query::Area},
};
use std::ops::Bound;

pub(super) fn within(column: &FieldColumn, area: &Area) -> DocumentSet {
    let points = column.numbers(NumberForm::Place);
    let mut set = DocumentSet::default();
    for frame in frames(area) {
        for keys in stretches(&frame) {
            let all = points.within(Bound::Included(*keys.start()), Bound::Included(*keys.end()));
            for (key, number) in all {
                if !set.contains(number) && area.contains(key_point(key)) {
                    set.insert(number);
                }
            }
        }
    }
    set
}

/// Parts of the map that hold the whole area.
fn frames(area: &Area) -> Vec<MapFrame> {
    match area {
        Area::Box(area) => {
            let (lat, all) = area.spans();
            let lat = clamped_step(lat.0)..=clamped_step(lat.1);
            let frame = |(from, to): (i64, i64)| MapFrame {
                lat: lat.clone(),
                lon: clamped_step(from)..=clamped_step(to),
            };
            all.into_iter().map(frame).collect()
        }
        Area::Polygon(polygon) => {
            let (lat, lon) = polygon.bounds();
            vec![degrees_frame(lat, lon)]
        }
        Area::Circle { centre, metres } => {
            // Short distances are reckoned to some centimetres.
            let radius = (metres * (1.0 + 1e-9) + 1.0) / MEAN_RADIUS;
            let reach = radius.to_degrees();
            let lat = (centre.lat - reach, centre.lat + reach);
            // Around a pole there is every longitude.
            let is_polar = lat.0 <= -89.9 || lat.1 >= 89.9;
            let ratio = radius.sin() / centre.lat.to_radians().cos();
            if is_polar || radius >= 1.5 || ratio >= 1.0 {
                return vec![degrees_frame(lat, (-180.0, 180.0))];
            }
            let reach = ratio.asin().to_degrees();
            let (west, east) = (centre.lon - reach, centre.lon + reach);
            let mut frames = vec![degrees_frame(lat, (west, east))];
            if west < -179.999 {
                frames.push(degrees_frame(lat, (west + 360.0, 180.0)));
            }
            if east > 179.999 {
                frames.push(degrees_frame(lat, (-180.0, east - 360.0)));
            }
            frames
        }
    }
}
