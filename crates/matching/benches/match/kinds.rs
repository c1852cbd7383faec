//! The filters and documents of the benchmark, drawn by a fixed seed. Must never depend on the
//! machine or the day.

use serde_json::{Value, json};

/// A small generator of our own, so that the same seed gives the same input for ever.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Within [0, 1).
    pub fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.unit() * end as f64) as usize
    }
}

/// One kind of filter: the filter of a number among so many, and a document that some of so many
/// match.
#[derive(Debug)]
pub struct Kind {
    pub name: &'static str,
    pub filter: fn(usize, usize, &mut Random) -> Value,
    pub document: fn(usize, &mut Random) -> Value,
}

pub static KINDS: [Kind; 12] = [
    Kind {
        name: "equals",
        filter: |i, _, _| json!({"equals": {"city": city(i)}}),
        document: |n, r| json!({"city": city(r.below(n)), "n": 1}),
    },
    Kind {
        name: "in",
        filter: |_, n, r| json!({"in": {"city": (0..5).map(|_| city(r.below(n))).collect::<Vec<_>>()}}),
        document: |n, r| json!({"city": city(r.below(n)), "n": 1}),
    },
    Kind {
        name: "exists_value",
        filter: |i, _, _| json!({"exists": format!("tags[\"{}\"]", city(i))}),
        document: |n, r| json!({"tags": [city(r.below(n)), city(r.below(n))]}),
    },
    Kind {
        name: "range_narrow",
        filter: |i, _, _| json!({"range": {"n": {"gte": i, "lt": i + 1}}}),
        document: |n, r| json!({"n": r.unit() * n as f64}),
    },
    Kind {
        name: "range_wide",
        filter: |_, _, r| {
            let low = r.unit() * 1e4;
            json!({"range": {"n": {"gt": low, "lt": low + 100.0}}})
        },
        document: |_, r| json!({"n": r.unit() * 1e4}),
    },
    Kind {
        name: "regexp",
        filter: |i, _, _| json!({"regexp": {"name": format!("^user-{i}-[a-f]+$")}}),
        document: |n, r| json!({"name": format!("user-{}-{}", r.below(n), ["abc", "fed", "xyz"][r.below(3)])}),
    },
    Kind {
        name: "geo_distance",
        filter: |_, _, r| json!({"geoDistance": {"pos": position(r), "distance": "50km"}}),
        document: |_, r| json!({"pos": position(r)}),
    },
    Kind {
        name: "geo_polygon",
        filter: |_, _, r| polygon(r),
        document: |_, r| json!({"pos": position(r)}),
    },
    Kind {
        name: "geo_box",
        filter: |_, _, r| rectangle(r),
        document: |_, r| json!({"pos": position(r)}),
    },
    Kind {
        name: "mixed_and",
        filter: |i, n, r| {
            let low = (r.unit() * 9e8).round() / 1e6;
            json!({"and": [{"equals": {"city": city(i % crowd(n))}}, {"range": {"n": {"gte": low, "lt": 1000}}}, {"exists": "name"}]})
        },
        document: |n, r| json!({"city": city(r.below(crowd(n))), "n": r.unit() * 1000.0, "name": "x"}),
    },
    Kind {
        name: "mixed_or_not",
        filter: |i, _, _| {
            let both = json!([{"equals": {"city": city(i)}}, {"not": {"equals": {"kind": format!("k{}", i % 50)}}}]);
            json!({"or": [{"and": both}, {"in": {"tag": [format!("t{i}"), format!("t{}", i + 1)]}}]})
        },
        document: |n, r| json!({"city": city(r.below(n)), "kind": format!("k{}", r.below(50)), "tag": format!("t{}", r.below(n))}),
    },
    Kind {
        name: "mixed",
        filter: mixed,
        document: mixed_document,
    },
];

fn city(number: usize) -> String {
    format!("v{number}")
}

/// Ten filters share a city.
fn crowd(size: usize) -> usize {
    (size / 10).max(10)
}

fn position(random: &mut Random) -> Value {
    json!({"lat": round(random.unit() * 140.0 - 70.0), "lon": round(random.unit() * 340.0 - 170.0)})
}

fn round(degrees: f64) -> f64 {
    (degrees * 1e5).round() / 1e5
}

/// Six corners around a point, some 60 km away from it.
fn polygon(random: &mut Random) -> Value {
    let (lat, lon) = (random.unit() * 140.0 - 70.0, random.unit() * 340.0 - 170.0);
    let corner = |step: f64| {
        [
            round(lat + 0.55 * step.sin()),
            round(lon + 0.55 * step.cos() / lat.to_radians().cos()),
        ]
    };
    json!({"geoPolygon": {"pos": {"points": (0..6).map(|step| corner(f64::from(step) * std::f64::consts::FRAC_PI_3)).collect::<Vec<_>>()}}})
}

fn rectangle(random: &mut Random) -> Value {
    let (lat, lon) = (random.unit() * 140.0 - 70.0, random.unit() * 340.0 - 170.0);
    json!({"geoBoundingBox": {"pos": {"top": round(lat + 0.5), "left": round(lon - 0.5), "bottom": round(lat - 0.5), "right": round(lon + 0.5)}}})
}

/// Filters such as an application might hold a million of. The number of matches stays the same
/// when there are more.
fn mixed(number: usize, size: usize, random: &mut Random) -> Value {
    let low = random.below(size * 10);
    let kind = format!("k{}", random.below(50));
    match number % 10 {
        0 | 1 => json!({"equals": {"owner": city(number)}}),
        2 | 3 => json!({"and": [{"equals": {"owner": city(number)}}, {"equals": {"kind": kind}}]}),
        4 => {
            json!({"and": [{"range": {"price": {"gte": low, "lt": low + 10}}}, {"equals": {"kind": kind}}]})
        }
        5 => {
            json!({"and": [{"equals": {"owner": city(number)}}, {"range": {"price": {"gte": low}}}, {"exists": "name"}]})
        }
        6 => json!({"exists": format!("tags[\"{}\"]", city(number))}),
        7 => {
            json!({"or": [{"and": [{"equals": {"owner": city(number)}}, {"not": {"equals": {"kind": kind}}}]}, {"in": {"tag": [city(number), city(number + 1)]}}]})
        }
        8 => {
            json!({"and": [{"geoDistance": {"pos": position(random), "distance": format!("{}m", 5_000_000 / (size as f64).sqrt() as usize)}}, {"equals": {"kind": kind}}]})
        }
        _ => json!({"regexp": {"name": format!("^{}-[a-z]+$", city(number))}}),
    }
}

fn mixed_document(size: usize, random: &mut Random) -> Value {
    json!({
        "owner": city(random.below(size)), "kind": format!("k{}", random.below(50)), "price": random.unit() * size as f64 * 10.0,
        "tags": [city(random.below(size)), city(random.below(size))], "tag": city(random.below(size)), "pos": position(random),
        "name": format!("{}-abc", city(random.below(size))),
    })
}
