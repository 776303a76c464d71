//! Random values. They follow from the seed of the rendering, and mark its result as volatile.

use chacha20::rand_core::Rng as _;

use super::{Call, Function};
use crate::template::{Failure, Outcome};
use crate::value::Value;

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "randAlpha" => alpha,
        "randAlphaNum" => alpha_num,
        "randAscii" => ascii,
        "randBytes" => bytes,
        "randInt" => int,
        "randNumeric" => numeric,
        "shuffle" => shuffle,
        "uuidv4" => uuid,
        _ => return None,
    })
}

/// The next number.
fn draw(call: &Call<'_, '_>) -> u64 {
    call.exec.engine.with_random(|random| random.next_u64())
}

fn pick(call: &Call<'_, '_>, count: usize) -> usize {
    usize::try_from(draw(call) % (count.max(1) as u64)).unwrap_or(0)
}

fn text(call: &Call<'_, '_>, letters: &[char]) -> Outcome<Value> {
    call.exactly(1)?;
    let count = usize::try_from(call.int(0)?).unwrap_or(0);
    call.sized(count)?;
    let letter = |_| letters.get(pick(call, letters.len())).copied().unwrap_or('a');
    Ok(Value::text((0..count).map(letter).collect::<String>()))
}

fn alpha(call: &mut Call<'_, '_>) -> Outcome<Value> {
    text(call, &('a'..='z').chain('A'..='Z').collect::<Vec<_>>())
}

fn alpha_num(call: &mut Call<'_, '_>) -> Outcome<Value> {
    text(call, &('a'..='z').chain('A'..='Z').chain('0'..='9').collect::<Vec<_>>())
}

fn numeric(call: &mut Call<'_, '_>) -> Outcome<Value> {
    text(call, &('0'..='9').collect::<Vec<_>>())
}

fn ascii(call: &mut Call<'_, '_>) -> Outcome<Value> {
    text(call, &(' '..='~').collect::<Vec<_>>())
}

fn bytes(call: &mut Call<'_, '_>) -> Outcome<Value> {
    use base64::Engine as _;
    call.exactly(1)?;
    let count = usize::try_from(call.int(0)?).unwrap_or(0);
    call.sized(count)?;
    let data: Vec<u8> = (0..count).map(|_| draw(call).to_be_bytes()[0]).collect();
    Ok(Value::text(base64::engine::general_purpose::STANDARD.encode(data)))
}

fn int(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (low, high) = (call.int(0)?, call.int(1)?);
    let span = high.checked_sub(low).and_then(|span| usize::try_from(span).ok()).filter(|span| *span > 0);
    let span = span.ok_or_else(|| Failure::new("invalid argument to Intn"))?;
    Ok(Value::Int(low + i64::try_from(pick(call, span)).unwrap_or(0)))
}

fn shuffle(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let mut letters: Vec<char> = call.text(0)?.chars().collect();
    for at in (1..letters.len()).rev() {
        let other = pick(call, at + 1);
        letters.swap(at, other);
    }
    Ok(Value::text(letters.into_iter().collect::<String>()))
}

fn uuid(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(0)?;
    let (high, low) = (draw(call), draw(call));
    let high = high & !0xf000 | 0x4000;
    let low = low & !(0b11 << 62) | 0b10 << 62;
    Ok(Value::text(format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )))
}
