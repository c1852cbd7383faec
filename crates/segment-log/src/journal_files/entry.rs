//! The bytes of a journal: sectors, each of which says for itself which entry it belongs to, so
//! that after a crash every one of them is what was written last, what stood there before, or
//! damaged. Pure; must never touch a file.

/// The unit in which a disk is trusted to write all or nothing.
pub const SECTOR: usize = 512;
/// Bytes of an entry in a sector; what follows is its trailer.
const BODY: usize = 496;
/// Entries begin at a multiple of this: a block that holds what is safe is never written again
/// before that is safe elsewhere.
pub const BLOCK: u64 = 4096;
const ENTRY: &[u8; 8] = b"CNSGJNL1";
const FLOOR: &[u8; 8] = b"CNSGJFL1";
/// Magic and length.
const HEADER: usize = 16;

/// Where a sector stands: part of its checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: u32,
    pub position: u64,
}

/// What is to be written to one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section<'a> {
    pub log: &'a str,
    pub base: u64,
    pub position: u64,
    pub bytes: &'a [u8],
}

/// An entry while it is made.
#[derive(Default)]
pub struct Builder {
    sectors: Vec<u8>,
    length: usize,
}

impl Builder {
    /// Begins a new one in the same memory.
    pub fn clear(&mut self) {
        self.sectors.clear();
        self.length = 0;
        self.push(&[0; HEADER]);
    }

    /// `parts` follow each other in the segment.
    pub fn section(&mut self, log: &str, base: u64, position: u64, parts: [&[u8]; 2]) {
        let field = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
        self.push(&field(log.len()));
        self.push(log.as_bytes());
        self.push(&base.to_le_bytes());
        self.push(&position.to_le_bytes());
        self.push(&field(parts[0].len() + parts[1].len()));
        parts.iter().for_each(|part| self.push(part));
    }

    fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let used = self.length % BODY;
            if used == 0 {
                self.sectors.resize(self.sectors.len() + SECTOR, 0);
            }
            let at = self.sectors.len() - SECTOR + used;
            let (now, later) = bytes.split_at(bytes.len().min(BODY - used));
            self.sectors[at..at + now.len()].copy_from_slice(now);
            self.length += now.len();
            bytes = later;
        }
    }

    /// Bytes that it takes in the file.
    pub fn size(&self) -> u64 {
        self.sectors.len() as u64
    }

    pub fn finish(&mut self, sequence: u64, place: Place) -> &[u8] {
        self.sectors[..8].copy_from_slice(ENTRY);
        self.sectors[8..16].copy_from_slice(&((self.length - HEADER) as u64).to_le_bytes());
        for (index, sector) in (0..).zip(self.sectors.as_chunks_mut::<SECTOR>().0) {
            stamp_sector(sector, sequence, index, place);
        }
        &self.sectors
    }
}

/// The first sector of a file: entries up to this one do not count any more.
pub fn floor_sector(sequence: u64, file: u32) -> [u8; SECTOR] {
    let mut sector = [0; SECTOR];
    sector[..8].copy_from_slice(FLOOR);
    stamp_sector(&mut sector, sequence, 0, Place { file, position: 0 });
    sector
}

fn stamp_sector(sector: &mut [u8; SECTOR], sequence: u64, index: u32, start: Place) {
    sector[BODY..BODY + 8].copy_from_slice(&sequence.to_le_bytes());
    sector[BODY + 8..BODY + 12].copy_from_slice(&index.to_le_bytes());
    let place = Place {
        position: start.position + u64::from(index) * SECTOR as u64,
        ..start
    };
    let check = sector_check(sector, place);
    sector[BODY + 12..].copy_from_slice(&check.to_le_bytes());
}

fn sector_check(sector: &[u8; SECTOR], place: Place) -> u32 {
    let check = crc32c::crc32c(&place.file.to_le_bytes());
    let check = crc32c::crc32c_append(check, &place.position.to_le_bytes());
    crc32c::crc32c_append(check, &sector[..BODY + 12])
}

/// What stands in a sector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sector<'a> {
    /// Never written.
    Blank,
    Whole {
        sequence: u64,
        /// How many of its entry come before it.
        index: u32,
        body: &'a [u8],
    },
    Bad,
}

pub fn read_sector(bytes: &[u8; SECTOR], place: Place) -> Sector<'_> {
    let word =
        |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    if word(BODY + 12) == sector_check(bytes, place) {
        let sequence = u64::from(word(BODY)) | u64::from(word(BODY + 4)) << 32;
        Sector::Whole {
            sequence,
            index: word(BODY + 8),
            body: &bytes[..BODY],
        }
    } else if bytes.iter().all(|byte| *byte == 0) {
        Sector::Blank
    } else {
        Sector::Bad
    }
}

/// Is this the body of a file's first sector?
pub fn is_floor(body: &[u8]) -> bool {
    body.starts_with(FLOOR)
}

/// How many sectors the entry has that begins with this body.
pub fn count_sectors(body: &[u8]) -> Option<u32> {
    let length = body.starts_with(ENTRY).then(|| read_u64(body, 8))??;
    u32::try_from((usize::try_from(length).ok()?.checked_add(HEADER)?).div_ceil(BODY)).ok()
}

/// The sections in an entry's bodies, back to back; `None` when they make no sense.
pub fn entry_sections(bodies: &[u8]) -> Option<Vec<Section<'_>>> {
    let length = usize::try_from(read_u64(bodies, 8)?).ok()?;
    let mut rest = bodies.get(HEADER..HEADER.checked_add(length)?)?;
    let mut sections = Vec::new();
    while !rest.is_empty() {
        let name = length_of(take_bytes(&mut rest, 4)?)?;
        let log = std::str::from_utf8(take_bytes(&mut rest, name)?).ok()?;
        let (base, position) = (
            read_u64(take_bytes(&mut rest, 8)?, 0)?,
            read_u64(take_bytes(&mut rest, 8)?, 0)?,
        );
        let length = length_of(take_bytes(&mut rest, 4)?)?;
        sections.push(Section {
            log,
            base,
            position,
            bytes: take_bytes(&mut rest, length)?,
        });
    }
    Some(sections)
}

fn take_bytes<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (now, later) = rest.split_at_checked(length)?;
    *rest = later;
    Some(now)
}

fn read_u64(bytes: &[u8], at: usize) -> Option<u64> {
    bytes
        .get(at..at + 8)?
        .try_into()
        .ok()
        .map(u64::from_le_bytes)
}

fn length_of(bytes: &[u8]) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place {
        file: 1,
        position: 8192,
    };

    fn bodies(bytes: &[u8], sequence: u64) -> Vec<u8> {
        let mut bodies = Vec::new();
        for (at, bytes) in bytes.as_chunks::<SECTOR>().0.iter().enumerate() {
            let place = Place {
                position: PLACE.position + (at * SECTOR) as u64,
                ..PLACE
            };
            let Sector::Whole {
                sequence: found,
                index,
                body,
            } = read_sector(bytes, place)
            else {
                panic!("sector {at}")
            };
            assert_eq!((found, index as usize), (sequence, at));
            bodies.extend_from_slice(body);
        }
        bodies
    }

    #[test]
    fn what_goes_in_comes_out_at_every_length() {
        let mut builder = Builder::default();
        for length in (0..40).chain(400..560).chain(900..1020) {
            let bytes = vec![7; length];
            builder.clear();
            builder.section("topics/a/0", 5, 0, [b"header", &bytes]);
            builder.section("b", u64::MAX, 77, [b"", &bytes]);
            let written = builder.finish(9, PLACE);
            let bodies = bodies(written, 9);
            assert_eq!(
                count_sectors(&bodies),
                u32::try_from(written.len() / SECTOR).ok()
            );
            let first = [b"header".as_slice(), &bytes].concat();
            let expected = [
                Section {
                    log: "topics/a/0",
                    base: 5,
                    position: 0,
                    bytes: &first,
                },
                Section {
                    log: "b",
                    base: u64::MAX,
                    position: 77,
                    bytes: &bytes,
                },
            ];
            assert_eq!(entry_sections(&bodies).unwrap(), expected);
        }
    }

    #[test]
    fn a_flipped_bit_and_another_place_are_seen() {
        let mut builder = Builder::default();
        builder.clear();
        builder.section("a", 1, 2, [b"", &[3; 100]]);
        let whole: [u8; SECTOR] = builder.finish(4, PLACE).try_into().unwrap();
        for bit in 0..SECTOR * 8 {
            let mut bytes = whole;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read_sector(&bytes, PLACE), Sector::Bad, "bit {bit}");
        }
        assert_eq!(read_sector(&whole, Place { file: 0, ..PLACE }), Sector::Bad);
        assert_eq!(
            read_sector(
                &whole,
                Place {
                    position: 4096,
                    ..PLACE
                }
            ),
            Sector::Bad
        );
        assert_eq!(read_sector(&[0; SECTOR], PLACE), Sector::Blank);
    }
}
