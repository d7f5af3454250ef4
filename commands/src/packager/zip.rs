//! Writes a zip that depends on the names and contents of its files alone: not compressed, and without times.
//!
//! <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>, sections 4.3.7, 4.3.12 and 4.3.16. It is for some dozens of embedded
//! files, whose sizes and number fit into the fields of the format. A library for this brings dependencies that all of Sluice
//! would be compiled with.

/// The first day that the format knows, 1980-01-01, as time and date.
const TIME: [u8; 4] = [0, 0, 0x21, 0];
/// Version 2.0 of the format, which Python writes too.
const VERSION: [u8; 2] = [20, 0];
/// Made on Unix: only then are the permissions read.
const MADE_BY: [u8; 2] = [20, 3];
/// A regular file that everybody may read.
const PERMISSIONS: u32 = 0o100_644 << 16;

/// The zip of these files, in this order.
pub(super) fn stored(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut zip, mut directory) = (Vec::new(), Vec::new());
    for (path, content) in files {
        let offset = u32_of(zip.len());
        let common = common_fields(path, content);
        zip.extend([b"PK\x03\x04", &VERSION[..], &common, path.as_bytes(), content].concat());
        // No comment, the first disk, and no attributes but the permissions.
        let attributes = [&[0; 6][..], &PERMISSIONS.to_le_bytes(), &offset].concat();
        directory
            .extend([b"PK\x01\x02", &MADE_BY[..], &VERSION, &common, &attributes, path.as_bytes()].concat());
    }
    let (count, start, size) = (u16_of(files.len()), u32_of(zip.len()), u32_of(directory.len()));
    zip.extend(directory);
    zip.extend([b"PK\x05\x06", &[0; 4][..], &count, &count, &size, &start, &[0; 2]].concat());
    zip
}

/// The fields that a file has both before its content and in the directory: no flags, not compressed.
fn common_fields(path: &str, content: &[u8]) -> Vec<u8> {
    let (checksum, size) = (crc32fast::hash(content).to_le_bytes(), u32_of(content.len()));
    [&[0; 4][..], &TIME, &checksum, &size, &size, &u16_of(path.len()), &[0; 2]].concat()
}

fn u32_of(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes()
}

fn u16_of(number: usize) -> [u8; 2] {
    u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes()
}
