//! Go's strings are bytes, and some of those in charts are no text: archives, key stores, text cut in a character.
//!
//! A byte that belongs to no character stands in our strings as one of the last 128 code points, which have no use.
//! Those code points themselves are taken apart into bytes too, so that nothing is lost on the way in and out.

use std::borrow::Cow;

use super::Text;

/// The code point that stands for the byte 0.
const BASE: u32 = 0x10_ff00;

fn stand_in(byte: u8) -> char {
    char::from_u32(BASE + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The byte that a character stands for.
pub(crate) fn escaped(c: char) -> Option<u8> {
    u32::from(c).checked_sub(BASE).and_then(|byte| u8::try_from(byte).ok()).filter(|byte| *byte >= 0x80)
}

/// Whether the text holds bytes that are no characters. All stand-ins begin with this byte.
pub(crate) fn is_binary(text: &str) -> bool {
    text.as_bytes().contains(&0xf4) && text.chars().any(|c| escaped(c).is_some())
}

/// A string of bytes.
pub(crate) fn from_bytes(bytes: &[u8]) -> Text {
    match std::str::from_utf8(bytes) {
        Ok(text) if !is_binary(text) => return text.into(),
        _ => {}
    }
    let mut out = String::with_capacity(bytes.len() * 2);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match escaped(c) {
                None => out.push(c),
                Some(_) => out.extend(c.encode_utf8(&mut [0; 4]).bytes().map(stand_in)),
            }
        }
        out.extend(chunk.invalid().iter().copied().map(stand_in));
    }
    out.into()
}

/// The bytes of a string.
pub(crate) fn to_bytes(text: &str) -> Cow<'_, [u8]> {
    if !is_binary(text) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut out = Vec::with_capacity(text.len());
    for c in text.chars() {
        match escaped(c) {
            Some(byte) => out.push(byte),
            None => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(out)
}

/// The text with a replacement character for each byte that is none, as Go's JSON has it.
pub(crate) fn lossy(text: &str) -> Cow<'_, str> {
    if !is_binary(text) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(characters(text).collect())
}

/// The characters as Go walks through them: each byte that is none is a replacement character.
pub(crate) fn characters(text: &str) -> impl Iterator<Item = char> {
    text.chars().map(|c| if escaped(c).is_some() { char::REPLACEMENT_CHARACTER } else { c })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bytes_go_in_and_out() {
        let all: Vec<u8> = (0..=255).chain("aé\u{10ffff}".bytes()).chain([0xe2, 0x82]).collect();
        assert_eq!(to_bytes(&from_bytes(&all)).as_ref(), all);
        assert_eq!(lossy(&from_bytes(b"a\xe2\x82b")), "a\u{fffd}\u{fffd}b");
        assert_eq!(&*from_bytes("aé".as_bytes()), "aé");
    }
}
