//! Frames: a length of four bytes, little-endian, then that many bytes of one value in postcard's form.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

/// Writes a value as one frame.
pub(crate) fn write(to: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let bytes = encode(value)?;
    write_bytes(to, &bytes)
}

/// Writes bytes as one frame.
pub(crate) fn write_bytes(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(bytes)
}

/// Reads a frame of at most `limit` bytes into `buffer`; `false` at the end of the stream.
pub(crate) fn read(from: &mut impl Read, limit: usize, buffer: &mut Vec<u8>) -> io::Result<bool> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
        Err(error) => return Err(error),
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > limit {
        return Err(io::Error::other(format!("a frame of {length} bytes, allowed are {limit}")));
    }
    buffer.clear();
    // Grown as bytes come, not as their number is claimed.
    from.take(length as u64).read_to_end(buffer)?;
    if buffer.len() < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(true) }
}

/// The value of a frame.
pub(crate) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> io::Result<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok(_) => Err(io::Error::other("more than one value in a frame")),
        Err(error) => Err(io::Error::other(error)),
    }
}

/// The bytes of a value.
pub(crate) fn encode(value: &impl Serialize) -> io::Result<Vec<u8>> {
    postcard::to_allocvec(value).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_and_claims_are_bounded() {
        let mut bytes = Vec::new();
        write(&mut bytes, &("text", 7_u64)).unwrap();
        let mut buffer = Vec::new();
        assert!(read(&mut bytes.as_slice(), 64, &mut buffer).unwrap());
        assert_eq!(decode::<(&str, u64)>(&buffer).unwrap(), ("text", 7));
        assert!(decode::<&str>(&buffer).is_err(), "more than one value");
        assert!(!read(&mut [].as_slice(), 64, &mut buffer).unwrap(), "the end");
        assert!(read(&mut bytes.as_slice(), 5, &mut buffer).is_err(), "longer than allowed");
        bytes.pop();
        assert!(read(&mut bytes.as_slice(), 64, &mut buffer).is_err(), "cut short");
        let huge = [u32::MAX.to_le_bytes().as_slice(), b"x"].concat();
        assert!(read(&mut huge.as_slice(), usize::MAX, &mut buffer).is_err());
        assert!(buffer.capacity() < 1 << 20, "memory follows what came, not what was claimed");
    }
}
