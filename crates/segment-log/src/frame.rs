//! One record in a segment file: header, record, end byte. Pure; must never touch a file.

/// Starts every frame.
pub const MARK: u32 = u32::from_le_bytes(*b"CRF1");
/// Ends every frame.
pub const END: u8 = 0xA5;
/// Bytes before the record.
pub const HEADER: usize = 36;
/// Bytes that a frame adds to its record.
pub const OVERHEAD: usize = HEADER + 1;
/// The unit in which a disk is trusted to write all or nothing.
pub const SECTOR: u64 = 512;

/// A frame's header, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub length: usize,
    pub offset: u64,
    pub timestamp: i64,
    /// Bytes from the start of its commit.
    pub back: u32,
    check: u32,
    record_check: u32,
}

/// Where a frame stands: part of its checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub base: u64,
    pub position: u64,
}

impl Header {
    /// The header at the start of `bytes`, if it is all there and passes its check at this place.
    pub fn decode(bytes: &[u8], place: Place) -> Option<Self> {
        let bytes = bytes.get(..HEADER)?;
        if read_u32(bytes, 0) != MARK || read_u32(bytes, 28) != header_check(bytes, place) {
            return None;
        }
        let length = read_u32(bytes, 4) as usize;
        (length <= crate::MAX_RECORD).then(|| Self {
            length,
            offset: read_u64(bytes, 8),
            timestamp: read_u64(bytes, 16).cast_signed(),
            back: read_u32(bytes, 24),
            check: read_u32(bytes, 28),
            record_check: read_u32(bytes, 32),
        })
    }

    /// Length of header, record and end byte.
    pub fn frame_length(&self) -> usize {
        self.length + OVERHEAD
    }

    /// Does what follows the header (record and end byte) belong to it?
    pub fn accepts(&self, rest: &[u8]) -> bool {
        rest.len() == self.length + 1
            && rest[self.length] == END
            && record_check(self.check, &rest[..self.length]) == self.record_check
    }
}

/// Appends a frame without offset, time and checks, the record written by `fill`; [`seal_frame`]
/// completes it. Answers the record's length.
pub fn begin_frame(buffer: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) -> usize {
    let start = buffer.len();
    buffer.resize(start + HEADER, 0);
    fill(buffer);
    let length = buffer.len() - start - HEADER;
    buffer[start..start + 4].copy_from_slice(&MARK.to_le_bytes());
    // A longer one is taken back by the caller before anything reads the field.
    let field = u32::try_from(length).unwrap_or(u32::MAX);
    buffer[start + 4..start + 8].copy_from_slice(&field.to_le_bytes());
    buffer.push(END);
    length
}

/// Completes the frame at the start of `frame` (made by [`begin_frame`]); answers its length.
pub fn seal_frame(frame: &mut [u8], place: Place, offset: u64, timestamp: i64, back: u32) -> usize {
    let length = read_u32(frame, 4) as usize;
    frame[8..16].copy_from_slice(&offset.to_le_bytes());
    frame[16..24].copy_from_slice(&timestamp.to_le_bytes());
    frame[24..28].copy_from_slice(&back.to_le_bytes());
    let check = header_check(frame, place);
    frame[28..32].copy_from_slice(&check.to_le_bytes());
    let record = record_check(check, &frame[HEADER..HEADER + length]);
    frame[32..36].copy_from_slice(&record.to_le_bytes());
    length + OVERHEAD
}

/// Length of the frame at the start of `frame`, made by [`begin_frame`].
pub fn frame_length(frame: &[u8]) -> usize {
    read_u32(frame, 4) as usize + OVERHEAD
}

fn header_check(header: &[u8], place: Place) -> u32 {
    let check = crc32c::crc32c(&place.base.to_le_bytes());
    let check = crc32c::crc32c_append(check, &place.position.to_le_bytes());
    crc32c::crc32c_append(check, &header[..28])
}

fn record_check(check: u32, record: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&check.to_le_bytes()), record)
}

fn read_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn read_u64(bytes: &[u8], at: usize) -> u64 {
    u64::from(read_u32(bytes, at)) | u64::from(read_u32(bytes, at + 4)) << 32
}
