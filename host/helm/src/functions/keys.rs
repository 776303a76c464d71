//! Private keys: made from the entropy of the rendering, read from and written as PEM as Go does.

use rsa::pkcs1::{DecodeRsaPrivateKey as _, EncodeRsaPrivateKey as _};
use rsa::signature::{SignatureEncoding as _, Signer as _};
use rsa::traits::PublicKeyParts as _;
use sha2::Sha256;

use super::der::{bits, integer, pem, read, read_all, read_pem, sequence, tagged};
use super::{Call, Function};
use crate::template::{Failure, Outcome};
use crate::value::Value;

/// `1.2.840.113549.1.1.1`, RSA.
const RSA: &[u8] = &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
/// `1.2.840.113549.1.1.11`, RSA with SHA-256.
const RSA_SHA_256: &[u8] = &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
/// `1.2.840.10045.2.1`, keys on elliptic curves.
const EC: &[u8] = &[0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
/// `1.2.840.10045.3.1.7`, the curve P-256.
const P_256: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
/// `1.2.840.10045.4.3.2`, ECDSA with SHA-256.
const ECDSA_SHA_256: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
/// `1.3.101.112`
const ED_25519: &[u8] = &[0x06, 3, 0x2b, 0x65, 0x70];
/// `NULL`
const NULL: &[u8] = &[0x05, 0];

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "genPrivateKey" => gen_private_key,
        _ => return None,
    })
}

fn gen_private_key(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let kind = call.text(0)?;
    let key = match &*kind {
        "" | "rsa" => PrivateKey::rsa(call, 4096)?,
        "ecdsa" => PrivateKey::P256(Box::new(p256::ecdsa::SigningKey::from(scalar(call)))),
        "ed25519" => {
            PrivateKey::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&call.exec.engine.random_bytes())))
        }
        "dsa" => {
            let mut failure = Failure::new("keys of the type dsa are not in yet");
            failure.hint = Some("DSA is out of use; choose rsa, ecdsa or ed25519");
            return Err(failure);
        }
        other => return Ok(Value::text(format!("Unknown type {other}"))),
    };
    Ok(Value::text(key.to_pem()?))
}

/// A secret number of the curve; one in 2³² draws is out of range and drawn again.
fn scalar(call: &Call<'_, '_>) -> p256::SecretKey {
    loop {
        if let Ok(key) = p256::SecretKey::from_slice(&call.exec.engine.random_bytes::<32>()) {
            return key;
        }
    }
}

/// A private key of a type that certificates are signed with.
pub(super) enum PrivateKey {
    Rsa(Box<rsa::RsaPrivateKey>),
    P256(Box<p256::ecdsa::SigningKey>),
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

impl PrivateKey {
    /// Makes an RSA key; the limit on those counts multiples of 2,048 bits by what they cost.
    pub(super) fn rsa(call: &Call<'_, '_>, bits: usize) -> Outcome<Self> {
        let cost = if bits > 2048 { 8 } else { 1 };
        call.exec.engine.count_rsa_keys(cost)?;
        let key = call.exec.engine.with_random(|random| rsa::RsaPrivateKey::new(random, bits));
        let key = key.map_err(|error| Failure::new(format!("error generating rsa key: {error}")))?;
        Ok(PrivateKey::Rsa(Box::new(key)))
    }

    /// Sprig's `parsePrivateKeyPEM`.
    pub(super) fn from_pem(text: &str) -> Result<Self, String> {
        let (label, der) = read_pem(text).ok_or("no PEM data in input")?;
        match label {
            "PRIVATE KEY" => pkcs8(&der).ok_or_else(|| "decoding PEM as PKCS#8: no key of a known type".to_owned()),
            "RSA PRIVATE KEY" => match rsa::RsaPrivateKey::from_pkcs1_der(&der) {
                Ok(key) => Ok(PrivateKey::Rsa(Box::new(key))),
                Err(error) => Err(format!("parsing RSA private key from PEM: {error}")),
            },
            "EC PRIVATE KEY" => sec1(&der).ok_or_else(|| "parsing EC private key from PEM: no key on P-256".to_owned()),
            label if label.ends_with(" PRIVATE KEY") => {
                Err(format!("invalid private key type {}", label.trim_end_matches(" PRIVATE KEY")))
            }
            label => Err(format!("no private key data in PEM block of type {label}")),
        }
    }

    /// Sprig's `pemBlockForKey`.
    pub(super) fn to_pem(&self) -> Outcome<String> {
        Ok(match self {
            PrivateKey::Rsa(key) => {
                let der =
                    key.to_pkcs1_der().map_err(|error| Failure::new(format!("failed to write the key: {error}")))?;
                pem("RSA PRIVATE KEY", der.as_bytes())
            }
            PrivateKey::P256(key) => {
                let secret = tagged(0x04, &[&key.to_bytes()]);
                let public = tagged(0xa1, &[&bits(key.verifying_key().to_sec1_point(false).as_bytes())]);
                let der = sequence(&[&integer(&[1]), &secret, &tagged(0xa0, &[P_256]), &public]);
                pem("EC PRIVATE KEY", &der)
            }
            PrivateKey::Ed25519(key) => {
                let secret = tagged(0x04, &[&tagged(0x04, &[&key.to_bytes()])]);
                pem("PRIVATE KEY", &sequence(&[&integer(&[0]), &sequence(&[ED_25519]), &secret]))
            }
        })
    }

    /// The content of the public key's bit string.
    pub(super) fn public_bits(&self) -> Vec<u8> {
        match self {
            PrivateKey::Rsa(key) => sequence(&[&integer(&key.n().to_be_bytes()), &integer(&key.e().to_be_bytes())]),
            PrivateKey::P256(key) => key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
            PrivateKey::Ed25519(key) => key.verifying_key().to_bytes().to_vec(),
        }
    }

    /// `SubjectPublicKeyInfo`.
    pub(super) fn public_info(&self) -> Vec<u8> {
        let algorithm = match self {
            PrivateKey::Rsa(_) => sequence(&[RSA, NULL]),
            PrivateKey::P256(_) => sequence(&[EC, P_256]),
            PrivateKey::Ed25519(_) => sequence(&[ED_25519]),
        };
        sequence(&[&algorithm, &bits(&self.public_bits())])
    }

    /// The algorithm of [`PrivateKey::sign`].
    pub(super) fn algorithm(&self) -> Vec<u8> {
        match self {
            PrivateKey::Rsa(_) => sequence(&[RSA_SHA_256, NULL]),
            PrivateKey::P256(_) => sequence(&[ECDSA_SHA_256]),
            PrivateKey::Ed25519(_) => sequence(&[ED_25519]),
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Outcome<Vec<u8>> {
        let wrong = |error| Failure::new(format!("error creating certificate: {error}"));
        Ok(match self {
            PrivateKey::Rsa(key) => {
                let key = rsa::pkcs1v15::SigningKey::<Sha256>::new((**key).clone());
                key.try_sign(message).map_err(wrong)?.to_vec()
            }
            PrivateKey::P256(key) => {
                let signature: p256::ecdsa::DerSignature = key.try_sign(message).map_err(wrong)?;
                signature.as_bytes().to_vec()
            }
            PrivateKey::Ed25519(key) => key.try_sign(message).map_err(wrong)?.to_vec(),
        })
    }
}

fn pkcs8(der: &[u8]) -> Option<PrivateKey> {
    let fields = read_all(read(der)?.content)?;
    let algorithm = read_all(fields.get(1)?.content)?;
    let key = fields.get(2)?.content;
    match algorithm.first()?.whole {
        RSA => rsa::RsaPrivateKey::from_pkcs1_der(key).ok().map(|key| PrivateKey::Rsa(Box::new(key))),
        EC if algorithm.get(1)?.whole == P_256 => sec1(key),
        ED_25519 => {
            let seed = read(key)?.content.try_into().ok()?;
            Some(PrivateKey::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed))))
        }
        _ => None,
    }
}

fn sec1(der: &[u8]) -> Option<PrivateKey> {
    let fields = read_all(read(der)?.content)?;
    // The curve may stand inside, or outside in PKCS #8.
    let other = fields.iter().find(|field| field.tag == 0xa0).is_some_and(|curve| curve.content != P_256);
    let secret = fields.get(1).filter(|secret| secret.tag == 0x04 && !other)?;
    Some(PrivateKey::P256(Box::new(p256::ecdsa::SigningKey::from_slice(secret.content).ok()?)))
}
