//! Certificates as Sprig makes them: `genCA`, `genSignedCert` and their like.

use std::net::IpAddr;
use std::rc::Rc;

use base64::Engine as _;
use sha1::{Digest as _, Sha1};

use super::der::{self, bits, integer, sequence, tagged};
use super::keys::PrivateKey;
use super::{Call, Function};
use crate::template::{Failure, Outcome};
use crate::time::Zone;
use crate::value::{Struct, Value};

/// The type of a certificate with its key, as `%T` prints it.
const CERTIFICATE: &str = "sprig.certificate";
const DAY: i64 = 86_400;

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "buildCustomCert" => build_custom,
        "genCA" => ca,
        "genCAWithKey" => ca_with_key,
        "genSelfSignedCert" => self_signed,
        "genSelfSignedCertWithKey" => self_signed_with_key,
        "genSignedCert" => signed,
        "genSignedCertWithKey" => signed_with_key,
        _ => return None,
    })
}

fn ca(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let request = Request::new(call, Usage::Authority, 1)?;
    make(call, &request, &PrivateKey::rsa(call, 2048)?, None)
}

fn ca_with_key(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(3)?;
    let request = Request::new(call, Usage::Authority, 1)?;
    make(call, &request, &given_key(call, 2)?, None)
}

fn self_signed(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(4)?;
    let request = Request::new(call, Usage::Server, 3)?;
    make(call, &request, &PrivateKey::rsa(call, 2048)?, None)
}

fn self_signed_with_key(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(5)?;
    let request = Request::new(call, Usage::Server, 3)?;
    make(call, &request, &given_key(call, 4)?, None)
}

fn signed(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(5)?;
    let issuer = Issuer::new(call, 4)?;
    let request = Request::new(call, Usage::Server, 3)?;
    make(call, &request, &PrivateKey::rsa(call, 2048)?, Some(&issuer))
}

fn signed_with_key(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(6)?;
    let issuer = Issuer::new(call, 4)?;
    let request = Request::new(call, Usage::Server, 3)?;
    make(call, &request, &given_key(call, 5)?, Some(&issuer))
}

fn given_key(call: &Call<'_, '_>, at: usize) -> Outcome<PrivateKey> {
    PrivateKey::from_pem(&call.text(at)?).map_err(|error| Failure::new(format!("parsing private key: {error}")))
}

/// A certificate and a key that the user has, checked and given back.
fn build_custom(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let decoded = |at: usize, what: &str| {
        let data = base64::engine::general_purpose::STANDARD.decode(&*call.text(at)?).ok();
        let text = data.and_then(|data| String::from_utf8(data).ok());
        text.ok_or_else(|| Failure::new(format!("unable to decode base64 {what}")))
    };
    let (certificate, key) = (decoded(0, "certificate")?, decoded(1, "private key")?);
    let (_, data) = der::read_pem(&certificate).ok_or_else(|| Failure::new("unable to decode certificate"))?;
    Parsed::new(&data).ok_or_else(|| Failure::new("error parsing certificate: decodedCert.Bytes"))?;
    PrivateKey::from_pem(&key).map_err(|error| Failure::new(format!("error parsing private key: {error}")))?;
    Ok(pair(certificate, key))
}

fn pair(certificate: String, key: String) -> Value {
    let fields = vec![("Cert", Value::text(certificate)), ("Key", Value::text(key))];
    Value::Struct(Rc::new(Struct { name: CERTIFICATE, fields, text: None }))
}

/// What a certificate is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Usage {
    Authority,
    Server,
}

/// What a certificate says.
struct Request {
    name: String,
    addresses: Vec<IpAddr>,
    names: Vec<String>,
    days: i64,
    usage: Usage,
}

impl Request {
    /// Reads name, addresses and names before the number of days, which stands at `days`.
    fn new(call: &Call<'_, '_>, usage: Usage, days: usize) -> Outcome<Self> {
        let list = |at: usize| match call.any(at)? {
            Value::Nil => Ok(Vec::new()),
            Value::List(items) => Ok(items.0.clone()),
            other => {
                Err(Failure::new(format!("wrong type for value; expected []interface {{}}; got {}", other.type_name())))
            }
        };
        let text = |value: &Value, what: &str| match value {
            Value::Text(text) => Ok(text.to_string()),
            other => Err(Failure::new(format!("error {what}: {} is not a string", crate::value::display(other)))),
        };
        let (mut addresses, mut names) = (Vec::new(), Vec::new());
        if usage == Usage::Server {
            for value in list(1)? {
                let address = text(&value, "parsing ip")?;
                let parsed = address.parse().map_err(|_| Failure::new(format!("error parsing ip: {address}")))?;
                addresses.push(parsed);
            }
            for value in list(2)? {
                names.push(text(&value, "processing alternate dns name")?);
            }
        }
        Ok(Self { name: call.text(0)?.to_string(), addresses, names, days: call.int(days)?, usage })
    }

    /// The subject: a common name alone.
    fn subject(&self) -> Vec<u8> {
        if self.name.is_empty() {
            return sequence(&[]);
        }
        let printable = |c: char| c.is_ascii_alphanumeric() || " '()+,-./:=?*&".contains(c);
        let tag = if self.name.chars().all(printable) { 0x13 } else { 0x0c };
        let attribute = sequence(&[&[0x06, 3, 0x55, 4, 3], &tagged(tag, &[self.name.as_bytes()])]);
        sequence(&[&tagged(0x31, &[&attribute])])
    }

    /// In the order in which Go writes them.
    fn extensions(&self, key: &PrivateKey, issuer: Option<&[u8]>) -> Vec<u8> {
        const CRITICAL: &[u8] = &[0x01, 1, 0xff];
        let one = |number: u8, critical: &[u8], value: &[u8]| {
            sequence(&[&[0x06, 3, 0x55, 0x1d, number], critical, &tagged(0x04, &[value])])
        };
        let authority = self.usage == Usage::Authority;
        // Digital signature and key encipherment; for an authority certificate signing too.
        let key_usage: &[u8] = if authority { &[0x03, 2, 2, 0xa4] } else { &[0x03, 2, 5, 0xa0] };
        let purpose = |number: u8| [0x06, 8, 0x2b, 6, 1, 5, 5, 7, 3, number];
        let constraints = if authority { sequence(&[CRITICAL]) } else { sequence(&[]) };
        let mut all = vec![
            one(15, CRITICAL, key_usage),
            one(37, &[], &sequence(&[&purpose(1), &purpose(2)])),
            one(19, CRITICAL, &constraints),
        ];
        if authority {
            all.push(one(14, &[], &tagged(0x04, &[&Sha1::digest(key.public_bits())])));
        }
        if let Some(issuer) = issuer {
            all.push(one(35, &[], &sequence(&[&tagged(0x80, &[issuer])])));
        }
        if !(self.names.is_empty() && self.addresses.is_empty()) {
            let mut names: Vec<Vec<u8>> = self.names.iter().map(|name| tagged(0x82, &[name.as_bytes()])).collect();
            names.extend(self.addresses.iter().map(|address| match address {
                IpAddr::V4(address) => tagged(0x87, &[&address.octets()]),
                IpAddr::V6(address) => match address.to_ipv4_mapped() {
                    Some(address) => tagged(0x87, &[&address.octets()]),
                    None => tagged(0x87, &[&address.octets()]),
                },
            }));
            let parts: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
            all.push(one(17, if self.name.is_empty() { CRITICAL } else { &[] }, &sequence(&parts)));
        }
        let parts: Vec<&[u8]> = all.iter().map(Vec::as_slice).collect();
        tagged(0xa3, &[&sequence(&parts)])
    }
}

/// Who signs.
struct Issuer {
    subject: Vec<u8>,
    key_id: Vec<u8>,
    key: PrivateKey,
}

impl Issuer {
    fn new(call: &Call<'_, '_>, at: usize) -> Outcome<Self> {
        let (certificate, key) = match call.any(at)? {
            Value::Struct(object) if object.name == CERTIFICATE => {
                let text = |name: &str| object.get(name).map(crate::value::display).unwrap_or_default();
                (text("Cert"), text("Key"))
            }
            other => {
                let got = other.type_name();
                return Err(Failure::new(format!("wrong type for value; expected {CERTIFICATE}; got {got}")));
            }
        };
        let (_, data) = der::read_pem(&certificate).ok_or_else(|| Failure::new("unable to decode certificate"))?;
        let parsed =
            Parsed::new(&data).ok_or_else(|| Failure::new("error parsing certificate: decodedSignerCert.Bytes"))?;
        let key =
            PrivateKey::from_pem(&key).map_err(|error| Failure::new(format!("error parsing private key: {error}")))?;
        if parsed.public_info != key.public_info() {
            let message = "error creating certificate: x509: provided PrivateKey doesn't match parent's PublicKey";
            return Err(Failure::new(message));
        }
        Ok(Self { subject: parsed.subject.to_vec(), key_id: parsed.key_id.unwrap_or_default().to_vec(), key })
    }
}

/// What matters of a certificate that is read.
struct Parsed<'a> {
    subject: &'a [u8],
    public_info: &'a [u8],
    key_id: Option<&'a [u8]>,
}

impl<'a> Parsed<'a> {
    fn new(data: &'a [u8]) -> Option<Self> {
        let fields = der::read_all(der::read(der::read(data)?.content)?.content)?;
        // The version may be left out.
        let fields = if fields.first()?.tag == 0xa0 { fields.get(1..)? } else { &fields };
        let extensions = fields.iter().find(|field| field.tag == 0xa3);
        let key_id = extensions.and_then(|all| {
            let all = der::read_all(der::read(all.content)?.content)?;
            let id = all.iter().find_map(|one| {
                let parts = der::read_all(one.content)?;
                let is_key_id = parts.first()?.whole == [0x06, 3, 0x55, 0x1d, 14];
                is_key_id.then(|| parts.last().map(|value| value.content)).flatten()
            })?;
            Some(der::read(id)?.content)
        });
        Some(Self { subject: fields.get(4)?.whole, public_info: fields.get(5)?.whole, key_id })
    }
}

fn make(call: &Call<'_, '_>, request: &Request, key: &PrivateKey, issuer: Option<&Issuer>) -> Outcome<Value> {
    let now = call.exec.engine.clock();
    let signer = issuer.map_or(key, |issuer| &issuer.key);
    let subject = request.subject();
    let name = issuer.map_or(&subject, |issuer| &issuer.subject);
    let key_id = issuer.filter(|issuer| issuer.subject != subject && !issuer.key_id.is_empty());
    let serial = integer(&call.exec.engine.random_bytes::<16>());
    let until = now.saturating_add(DAY.saturating_mul(request.days));
    let body = sequence(&[
        &tagged(0xa0, &[&integer(&[2])]),
        &serial,
        &signer.algorithm(),
        name,
        &sequence(&[&time(now), &time(until)]),
        &subject,
        &key.public_info(),
        &request.extensions(key, key_id.map(|issuer| issuer.key_id.as_slice())),
    ]);
    let signature = bits(&signer.sign(&body)?);
    let certificate = sequence(&[&body, &signer.algorithm(), &signature]);
    Ok(pair(der::pem("CERTIFICATE", &certificate), key.to_pem()?))
}

/// A moment, with two digits of the year as long as those are clear.
fn time(seconds: i64) -> Vec<u8> {
    let nanos = i128::from(seconds) * 1_000_000_000;
    let short = crate::time::format(nanos, "060102150405Z", &Zone::Utc);
    let long = crate::time::format(nanos, "20060102150405Z", &Zone::Utc);
    let year: i64 = long.get(..4).and_then(|year| year.parse().ok()).unwrap_or(0);
    if (1950..2050).contains(&year) { tagged(0x17, &[short.as_bytes()]) } else { tagged(0x18, &[long.as_bytes()]) }
}
