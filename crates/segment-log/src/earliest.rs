//! Remembers the first offset that is kept, across restarts. Must never move back.

use crate::medium::Medium;
use std::{fs, io, path::Path};

const NAME: &str = "earliest";
const MAGIC: &[u8; 8] = b"CNSGEAR1";

pub(crate) fn load_earliest(folder: &Path) -> io::Result<Option<u64>> {
    let bytes = match fs::read(folder.join(NAME)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    decode_earliest(&bytes)
        .map(Some)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the file `earliest` is damaged"))
}

pub(crate) fn store_earliest(medium: &dyn Medium, folder: &Path, offset: u64) -> io::Result<()> {
    let temporary = folder.join("earliest.tmp");
    let file = medium.create(&temporary)?;
    medium.write(&file, 0, &encode_earliest(offset))?;
    medium.sync(&file)?;
    medium.rename(&temporary, &folder.join(NAME))?;
    medium.sync_folder(folder)
}

fn encode_earliest(offset: u64) -> [u8; 20] {
    let mut bytes = [0; 20];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..16].copy_from_slice(&offset.to_le_bytes());
    let check = crc32c::crc32c(&bytes[..16]);
    bytes[16..].copy_from_slice(&check.to_le_bytes());
    bytes
}

fn decode_earliest(bytes: &[u8]) -> Option<u64> {
    let bytes: &[u8; 20] = bytes.try_into().ok()?;
    let offset = u64::from_le_bytes(bytes[8..16].try_into().ok()?);
    (encode_earliest(offset) == *bytes).then_some(offset)
}
