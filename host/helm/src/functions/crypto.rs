//! Checksums. Certificates and password hashes are not in yet.

use sha2::{Digest as _, Sha256, Sha512};

use super::{Call, Function};
use crate::template::Outcome;
use crate::value::Value;

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "adler32sum" => adler32sum,
        "sha1sum" => sha1sum,
        "sha256sum" => sha256sum,
        "sha512sum" => sha512sum,
        _ => return None,
    })
}

fn sha256sum(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::text(hex::encode(Sha256::digest(call.text(0)?.as_bytes()))))
}

fn sha512sum(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::text(hex::encode(Sha512::digest(call.text(0)?.as_bytes()))))
}

fn adler32sum(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in call.text(0)?.bytes() {
        a = (a + u32::from(byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    Ok(Value::text((b << 16 | a).to_string()))
}

/// SHA-1 by FIPS 180-4: a checksum here, never a proof.
fn sha1sum(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let text = call.text(0)?;
    call.sized(text.len())?;
    let mut message = text.as_bytes().to_vec();
    let bits = (message.len() as u64).wrapping_mul(8);
    message.push(0x80);
    while message.len() % 64 != 56 {
        message.push(0);
    }
    message.extend_from_slice(&bits.to_be_bytes());
    let mut state = [0x6745_2301_u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    message.chunks_exact(64).for_each(|block| compress(&mut state, block));
    Ok(Value::text(state.iter().map(|word| format!("{word:08x}")).collect::<String>()))
}

fn compress(state: &mut [u32; 5], block: &[u8]) {
    let mut words: Vec<u32> = Vec::with_capacity(80);
    words.extend(block.chunks_exact(4).map(|chunk| chunk.iter().fold(0, |word, byte| word << 8 | u32::from(*byte))));
    for at in 16..80 {
        let back = |distance: usize| words.get(at - distance).copied().unwrap_or(0);
        let word = (back(3) ^ back(8) ^ back(14) ^ back(16)).rotate_left(1);
        words.push(word);
    }
    let [mut a, mut b, mut c, mut d, mut e] = *state;
    for (at, word) in words.iter().enumerate() {
        let (mix, constant) = match at {
            0..20 => (b & c | !b & d, 0x5a82_7999),
            20..40 => (b ^ c ^ d, 0x6ed9_eba1),
            40..60 => (b & c | b & d | c & d, 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6_u32),
        };
        let next = a.rotate_left(5).wrapping_add(mix).wrapping_add(e).wrapping_add(constant).wrapping_add(*word);
        (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
    }
    for (slot, value) in state.iter_mut().zip([a, b, c, d, e]) {
        *slot = slot.wrapping_add(value);
    }
}
