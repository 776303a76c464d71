//! `b64enc`, `b32enc` and back, as Go's `encoding/base64` and `encoding/base32` read what is broken.

use base64::Engine as _;

use super::{Call, Function};
use crate::template::Outcome;
use crate::value::{Value, from_bytes, to_bytes};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "b32dec" => b32dec,
        "b32enc" => b32enc,
        "b64dec" => b64dec,
        "b64enc" => b64enc,
        _ => return None,
    })
}

fn b64enc(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let text = call.text(0)?;
    call.sized(text.len().saturating_mul(2))?;
    Ok(Value::text(base64::engine::general_purpose::STANDARD.encode(to_bytes(&text))))
}

fn b64dec(call: &mut Call<'_, '_>) -> Outcome<Value> {
    decoded(call, "base64", decode_64)
}

fn b32dec(call: &mut Call<'_, '_>) -> Outcome<Value> {
    decoded(call, "base32", decode_32)
}

/// What a text stands for, or the words of Go's error, which Sprig gives in its place.
fn decoded(call: &Call<'_, '_>, name: &str, decode: fn(&[u8]) -> Result<Vec<u8>, usize>) -> Outcome<Value> {
    call.exactly(1)?;
    let text = call.text(0)?;
    call.exec.engine.spend(text.len() / 16)?;
    Ok(match decode(&to_bytes(&text)) {
        Ok(data) => Value::Text(from_bytes(&data)),
        Err(at) => Value::text(format!("illegal {name} data at input byte {at}")),
    })
}

const BASE_32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn value_64(letter: u8) -> Option<u64> {
    Some(u64::from(match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

fn value_32(letter: u8) -> Option<u64> {
    Some(u64::from(match letter {
        b'A'..=b'Z' => letter - b'A',
        b'2'..=b'7' => letter - b'2' + 26,
        _ => return None,
    }))
}

fn is_break(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// Line breaks do not count, nor do bits behind the last byte. The error is the place that Go names.
fn decode_64(text: &[u8]) -> Result<Vec<u8>, usize> {
    let mut out = Vec::new();
    let mut letters = text.iter().copied().enumerate().filter(|(_, byte)| !is_break(*byte));
    loop {
        let (mut bits, mut count) = (0, 0);
        let mut is_last = false;
        while count < 4 && !is_last {
            let Some((at, letter)) = letters.next() else {
                return if count == 0 { Ok(out) } else { Err(text.len() - count) };
            };
            match value_64(letter) {
                Some(value) => {
                    bits = bits << 6 | value;
                    count += 1;
                }
                None if letter != b'=' || count < 2 => return Err(at),
                None => is_last = true,
            }
        }
        if is_last && count == 2 {
            match letters.next() {
                None => return Err(text.len()),
                Some((at, letter)) if letter != b'=' => return Err(at - 1),
                Some(_) => {}
            }
        }
        if is_last && let Some((at, _)) = letters.next() {
            return Err(at);
        }
        let [.., a, b, c] = (bits << (6 * (4 - count))).to_be_bytes();
        out.extend([a, b, c].iter().take(count - 1));
        if is_last {
            return Ok(out);
        }
    }
}

/// The same in letters of five bits; places are counted without line breaks.
fn decode_32(text: &[u8]) -> Result<Vec<u8>, usize> {
    let text: Vec<u8> = text.iter().copied().filter(|byte| !is_break(*byte)).collect();
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let (mut bits, mut count) = (0, 0);
        let mut is_last = false;
        while count < 8 && !is_last {
            let Some(letter) = text.get(at) else { return Err(text.len() - count) };
            at += 1;
            let rest = text.get(at..).unwrap_or_default();
            if *letter == b'=' && count >= 2 && rest.len() < 8 {
                if rest.len() + count < 7 {
                    return Err(text.len());
                }
                if let Some(wrong) = rest.iter().take(7 - count).position(|letter| *letter != b'=') {
                    return Err(at + wrong - 1);
                }
                if matches!(count, 3 | 6) {
                    return Err(at - 1);
                }
                is_last = true;
            } else {
                bits = bits << 5 | value_32(*letter).ok_or(at - 1)?;
                count += 1;
            }
        }
        let [.., a, b, c, d, e] = (bits << (5 * (8 - count))).to_be_bytes();
        out.extend([a, b, c, d, e].iter().take(count * 5 / 8));
        if is_last {
            break;
        }
    }
    Ok(out)
}

fn b32enc(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let text = call.text(0)?;
    call.sized(text.len().saturating_mul(2))?;
    let mut out = String::new();
    for chunk in to_bytes(&text).chunks(5) {
        let bits = (0..5).fold(0_u64, |bits, at| bits << 8 | u64::from(chunk.get(at).copied().unwrap_or(0)));
        let letters = (chunk.len() * 8).div_ceil(5);
        for at in 0..8 {
            let index = usize::try_from(bits >> (35 - 5 * at) & 31).unwrap_or(0);
            let letter = BASE_32.get(index).copied().unwrap_or(b'=');
            out.push(char::from(if at < letters { letter } else { b'=' }));
        }
    }
    Ok(Value::text(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_text_is_broken_where_go_says() {
        for (text, answer) in [
            ("YQ==", Ok(&b"a"[..])),
            ("YQ==\n", Ok(b"a")),
            ("YW\nJj", Ok(b"abc")),
            ("ab==", Ok(b"i")),
            ("YQ", Err(0)),
            ("YQ=", Err(3)),
            ("YQ=x", Err(2)),
            ("YQ==x", Err(4)),
            ("YWJjY", Err(4)),
            (" YQ==", Err(0)),
            ("=", Err(0)),
        ] {
            assert_eq!(decode_64(text.as_bytes()).as_deref(), answer.as_ref().copied(), "{text}");
        }
        for (text, answer) in [
            ("ME======", Ok(&b"a"[..])),
            ("MFRGG===\n", Ok(b"abc")),
            ("ME", Err(0)),
            ("ME=====", Err(7)),
            ("ME====x=", Err(5)),
            ("MEE=====", Err(3)),
            ("me======", Err(0)),
        ] {
            assert_eq!(decode_32(text.as_bytes()).as_deref(), answer.as_ref().copied(), "{text}");
        }
    }
}
