//! Checksums, hashes of passwords, and AES.

use aes::Aes256;
use aes::cipher::{Block, BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};
use base64::Engine as _;
use hmac::{KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};

use super::{Call, Function};
use crate::template::{Failure, Outcome};
use crate::value::{Value, from_bytes, to_bytes};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "adler32sum" => adler32sum,
        "bcrypt" => bcrypt,
        "decryptAES" => decrypt_aes,
        "derivePassword" => derive_password,
        "encryptAES" => encrypt_aes,
        "htpasswd" => htpasswd,
        "sha1sum" => sha1sum,
        "sha256sum" => sha256sum,
        "sha512sum" => sha512sum,
        _ => return None,
    })
}

/// The only argument, with what hashing it costs counted.
fn hashed(call: &Call<'_, '_>) -> Outcome<crate::value::Text> {
    call.exactly(1)?;
    let text = call.text(0)?;
    call.sized(text.len())?;
    Ok(text)
}

fn sha1sum(call: &mut Call<'_, '_>) -> Outcome<Value> {
    Ok(Value::text(hex::encode(Sha1::digest(to_bytes(&hashed(call)?)))))
}

fn sha256sum(call: &mut Call<'_, '_>) -> Outcome<Value> {
    Ok(Value::text(hex::encode(Sha256::digest(to_bytes(&hashed(call)?)))))
}

fn sha512sum(call: &mut Call<'_, '_>) -> Outcome<Value> {
    Ok(Value::text(hex::encode(Sha512::digest(to_bytes(&hashed(call)?)))))
}

fn adler32sum(call: &mut Call<'_, '_>) -> Outcome<Value> {
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in to_bytes(&hashed(call)?).iter().copied() {
        a = (a + u32::from(byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    Ok(Value::text((b << 16 | a).to_string()))
}

/// Go's default cost.
const BCRYPT_COST: u32 = 10;
/// Go refuses longer passwords, where others cut them.
const BCRYPT_BYTES: usize = 72;

fn bcrypt_of(call: &Call<'_, '_>, password: &str) -> Outcome<String> {
    call.exec.engine.count_password_hash()?;
    if password.len() > BCRYPT_BYTES {
        let message = "bcrypt: password length exceeds 72 bytes";
        return Ok(format!("failed to encrypt string with bcrypt: {message}"));
    }
    let salt = call.exec.engine.random_bytes();
    Ok(match bcrypt::hash_with_salt(password, BCRYPT_COST, salt) {
        Ok(parts) => parts.format_for_version(bcrypt::Version::TwoA),
        Err(error) => format!("failed to encrypt string with bcrypt: {error}"),
    })
}

fn bcrypt(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::text(bcrypt_of(call, &call.text(0)?)?))
}

fn htpasswd(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (user, password) = (call.text(0)?, call.text(1)?);
    if user.contains(':') {
        return Ok(Value::text(format!("invalid username: {user}")));
    }
    Ok(Value::text(format!("{user}:{}", bcrypt_of(call, &password)?)))
}

const SEED: &[u8] = b"com.lyndir.masterpassword";

/// Templates of the Master Password algorithm: each letter stands for a class of characters.
const PASSWORDS: [(&str, &[&str]); 6] = [
    ("maximum", &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"]),
    (
        "long",
        &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
    ),
    ("medium", &["CvcnoCvc", "CvcCvcno"]),
    ("short", &["Cvcn"]),
    ("basic", &["aaanaaan", "aannaaan", "aaannaaa"]),
    ("pin", &["nnnn"]),
];

fn characters(class: u8) -> &'static str {
    match class {
        b'V' => "AEIOU",
        b'C' => "BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => "aeiou",
        b'c' => "bcdfghjklmnpqrstvwxyz",
        b'a' => "AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => "0123456789",
        b'o' => "@&%?,=[]_:-+*$#!'^~;()/.",
        _ => "AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

fn derive_password(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(5)?;
    let counter = u32::try_from(call.int(0)?).map_err(|_| Failure::new("the counter is no uint32"))?;
    let (kind, password, user, site) = (call.text(1)?, call.text(2)?, call.text(3)?, call.text(4)?);
    let Some((_, templates)) = PASSWORDS.iter().find(|(name, _)| *name == &*kind) else {
        return Ok(Value::text(format!("cannot find password template {kind}")));
    };
    call.exec.engine.count_password_hash()?;
    let length = |text: &str| u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes();
    let salt = [SEED, &length(&user), user.as_bytes()].concat();
    let mut key = [0; 64];
    let wrong = || Failure::new("failed to derive password");
    let parameters = scrypt::Params::new(15, 8, 2).map_err(|_| wrong())?;
    scrypt::scrypt(password.as_bytes(), &salt, &parameters, &mut key).map_err(|_| wrong())?;
    let mut mac = hmac::Hmac::<Sha256>::new_from_slice(&key).map_err(|_| wrong())?;
    mac.update(&[SEED, &length(&site), site.as_bytes(), &counter.to_be_bytes()].concat());
    let seed = mac.finalize().into_bytes();
    let mut seed = seed.iter().map(|byte| usize::from(*byte));
    let first = seed.next().unwrap_or(0);
    let template = templates.get(first % templates.len()).copied().unwrap_or_default();
    let letters = template.bytes().zip(seed).filter_map(|(class, number)| {
        let all = characters(class);
        all.as_bytes().get(number % all.len()).map(|byte| char::from(*byte))
    });
    Ok(Value::text(letters.collect::<String>()))
}

/// A password cut or filled to the size of a key.
fn aes_key(password: &str) -> [u8; 32] {
    let mut key = [0; 32];
    key.iter_mut().zip(password.bytes()).for_each(|(slot, byte)| *slot = byte);
    key
}

const BLOCK: usize = 16;

fn blocks(data: &[u8]) -> Vec<Block<Aes256>> {
    data.chunks_exact(BLOCK).map(|chunk| Block::<Aes256>::try_from(chunk).unwrap_or_default()).collect()
}

fn encrypt_aes(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (password, text) = (call.text(0)?, call.text(1)?);
    if text.is_empty() {
        return Ok(Value::text(""));
    }
    call.sized(text.len().saturating_mul(2))?;
    let mut data = to_bytes(&text).into_owned();
    let padding = BLOCK - data.len() % BLOCK;
    data.extend(std::iter::repeat_n(u8::try_from(padding).unwrap_or(0), padding));
    let iv: [u8; BLOCK] = call.exec.engine.random_bytes();
    let mut blocks = blocks(&data);
    cbc::Encryptor::<Aes256>::new(&aes_key(&password).into(), &iv.into()).encrypt_blocks(&mut blocks);
    let mut out = iv.to_vec();
    blocks.iter().for_each(|block| out.extend_from_slice(block));
    Ok(Value::text(base64::engine::general_purpose::STANDARD.encode(out)))
}

fn decrypt_aes(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (password, text) = (call.text(0)?, call.text(1)?);
    if text.is_empty() {
        return Ok(Value::text(""));
    }
    let data = base64::engine::general_purpose::STANDARD.decode(text.replace(['\n', '\r'], ""));
    let data = data.map_err(|_| Failure::new("illegal base64 data"))?;
    // Go's own code runs out of bounds on these, which is an error of the template there too.
    let (iv, body) = data.split_at_checked(BLOCK).ok_or_else(|| Failure::new("slice bounds out of range"))?;
    if body.is_empty() || body.len() % BLOCK != 0 {
        return Err(Failure::new("crypto/cipher: input not full blocks"));
    }
    let iv: [u8; BLOCK] = iv.try_into().unwrap_or_default();
    let mut blocks = blocks(body);
    cbc::Decryptor::<Aes256>::new(&aes_key(&password).into(), &iv.into()).decrypt_blocks(&mut blocks);
    let plain: Vec<u8> = blocks.iter().flat_map(|block| block.iter().copied()).collect();
    let padding = plain.last().map_or(0, |last| usize::from(*last));
    let end = plain.len().checked_sub(padding).ok_or_else(|| Failure::new("slice bounds out of range"))?;
    Ok(Value::Text(from_bytes(plain.get(..end).unwrap_or_default())))
}
