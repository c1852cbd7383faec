//! Bytes that are damaged in ways that a seed chooses: for tests of what decodes them. No idea what
//! bytes mean.

use crate::SeededDice;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::sync::Once;

/// How many kinds of damage a test tries: `CONSIGN_MUTATIONS`, or what it tries in each run of the tests.
#[must_use]
pub fn mutation_count(usual: u64) -> u64 {
    let asked = std::env::var("CONSIGN_MUTATIONS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// What a number, a length or a text may have become.
const PIECES: [&[u8]; 16] = [
    b"-1",
    b"18446744073709551616",
    b"1e999",
    b"null",
    b"{}",
    b"[]",
    b"\"\"",
    b"\\ud800",
    b"\xff\xfe",
    b"\0",
    b"{\"\":{\"\":[[[[",
    b"99999999999999999999/65536@-1",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\0\0\0\0\0\0\0\0",
    b"\xff\xff\xff\x3f",
];

/// One to four things happen to them: a bit turns, an end or a middle is lost, a part is doubled
/// elsewhere, another stands in its place, a byte comes in.
pub fn damage_bytes(dice: &mut SeededDice, bytes: &mut Vec<u8>) {
    for _ in 0..=dice.below(3) {
        let at = dice.below(bytes.len() + 1);
        let up_to = |length: usize| bytes.len().min(at + length);
        match dice.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
            1 => bytes.truncate(at),
            2 => {
                let end = up_to(dice.below(12));
                bytes.drain(at..end);
            }
            3 => {
                let copy = bytes[at..up_to(dice.below(40))].to_vec();
                let to = dice.below(bytes.len() + 1);
                bytes.splice(to..to, copy);
            }
            4 => {
                let end = up_to(dice.below(8));
                bytes.splice(at..end, PIECES[dice.below(PIECES.len())].iter().copied());
            }
            // What follows keeps its place.
            5 => {
                let piece = PIECES[dice.below(PIECES.len())];
                let end = up_to(piece.len());
                bytes[at..end].copy_from_slice(&piece[..end - at]);
            }
            _ => bytes.insert(at, dice.below(256) as u8),
        }
    }
}

/// A copy of them that is damaged.
#[must_use]
pub fn damaged_copy(dice: &mut SeededDice, bytes: &[u8]) -> Vec<u8> {
    let mut copy = bytes.to_vec();
    damage_bytes(dice, &mut copy);
    copy
}

/// More than this is not taken by a test that decodes some kilobytes, whatever lengths they name. Less
/// would be taken by its threads.
const MOST_MEMORY: u64 = 3 << 30;

/// From now on this process ends if it asks for three gigabytes more than it has: a length that
/// damaged bytes name is believed by nobody before the bytes are there.
pub fn refuse_huge_memory() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let size = status.lines().find_map(|line| {
            let kib = line.strip_prefix("VmSize:")?.split_whitespace().next()?;
            kib.parse::<u64>().ok()
        });
        let size = size.expect("the process knows its size") * 1024;
        let limit = Rlimit {
            current: Some(size + MOST_MEMORY),
            maximum: getrlimit(Resource::As).maximum,
        };
        setrlimit(Resource::As, limit).expect("a process may lower its own limit");
    });
}
