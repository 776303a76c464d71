//! Reads the few bodies that `helm` and `kubectl` of today send as Protocol Buffers instead of JSON.
//!
//! Their typed clients do so for built-in kinds, and do not fall back. What is known here is what `helm` writes itself
//! (release records, namespaces) and the simplest of `kubectl create`; another kind is refused by its name. Field numbers
//! are those of `generated.proto` in `k8s.io/api` and `k8s.io/apimachinery`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::refusal::Refusal;

/// The first bytes of each body in this encoding.
const MAGIC: &[u8] = b"k8s\0";

/// Deepest message in a message; the known ones need five.
const MAX_DEPTH: u32 = 10;

#[derive(Clone, Copy)]
enum Field {
    Text,
    Texts,
    Number,
    Flag,
    TextMap,
    BytesMap,
    One(&'static str),
    Many(&'static str),
    /// Sent, and not wanted.
    Ignored,
}

use Field::{BytesMap, Flag, Ignored, Many, Number, One, Text, TextMap, Texts};

/// The fields of a message by their numbers.
fn fields(message: &str) -> Option<&'static [(u64, &'static str, Field)]> {
    Some(match message {
        "Secret" => &[
            (1, "metadata", One("ObjectMeta")),
            (2, "data", BytesMap),
            (3, "type", Text),
            (4, "stringData", TextMap),
            (5, "immutable", Flag),
        ],
        "ConfigMap" => &[
            (1, "metadata", One("ObjectMeta")),
            (2, "data", TextMap),
            (3, "binaryData", BytesMap),
            (4, "immutable", Flag),
        ],
        "Namespace" => &[(1, "metadata", One("ObjectMeta")), (2, "spec", One("NamespaceSpec")), (3, "status", Ignored)],
        "NamespaceSpec" => &[(1, "finalizers", Texts)],
        "ServiceAccount" => &[
            (1, "metadata", One("ObjectMeta")),
            (2, "secrets", Ignored),
            (3, "imagePullSecrets", Many("LocalObjectReference")),
            (4, "automountServiceAccountToken", Flag),
        ],
        "LocalObjectReference" => &[(1, "name", Text)],
        "ObjectMeta" => &[
            (1, "name", Text),
            (2, "generateName", Text),
            (3, "namespace", Text),
            (4, "selfLink", Ignored),
            (5, "uid", Text),
            (6, "resourceVersion", Text),
            (7, "generation", Number),
            // The server has its own times, and keeps its own account of managers.
            (8, "creationTimestamp", Ignored),
            (9, "deletionTimestamp", Ignored),
            (10, "deletionGracePeriodSeconds", Number),
            (11, "labels", TextMap),
            (12, "annotations", TextMap),
            (13, "ownerReferences", Many("OwnerReference")),
            (14, "finalizers", Texts),
            (17, "managedFields", Ignored),
        ],
        "OwnerReference" => &[
            (1, "kind", Text),
            (3, "name", Text),
            (4, "uid", Text),
            (5, "apiVersion", Text),
            (6, "controller", Flag),
            (7, "blockOwnerDeletion", Flag),
        ],
        "DeleteOptions" => &[
            (1, "gracePeriodSeconds", Number),
            (2, "preconditions", One("Preconditions")),
            (3, "orphanDependents", Flag),
            (4, "propagationPolicy", Text),
            (5, "dryRun", Texts),
            (6, "ignoreStoreReadErrorWithClusterBreakingPotential", Flag),
        ],
        "Preconditions" => &[(1, "uid", Text), (2, "resourceVersion", Text)],
        "SelfSubjectAccessReview" => &[
            (1, "metadata", One("ObjectMeta")),
            (2, "spec", One("SelfSubjectAccessReviewSpec")),
            (3, "status", Ignored),
        ],
        "SelfSubjectAccessReviewSpec" => &[
            (1, "resourceAttributes", One("ResourceAttributes")),
            (2, "nonResourceAttributes", One("NonResourceAttributes")),
        ],
        "ResourceAttributes" => &[
            (1, "namespace", Text),
            (2, "verb", Text),
            (3, "group", Text),
            (4, "version", Text),
            (5, "resource", Text),
            (6, "subresource", Text),
            (7, "name", Text),
        ],
        "NonResourceAttributes" => &[(1, "path", Text), (2, "verb", Text)],
        _ => return None,
    })
}

/// One field as it comes: its number, and a number or bytes.
enum Raw<'a> {
    Number(u64, u64),
    Bytes(u64, &'a [u8]),
}

/// Reads a body into the object it stands for.
pub(super) fn decode(body: &[u8]) -> Result<Value, Refusal> {
    let broken = || Refusal::bad_request("the body is no valid message of Protocol Buffers");
    let mut rest = body.strip_prefix(MAGIC).ok_or_else(broken)?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    while let Some(field) = next(&mut rest).ok_or_else(broken)? {
        match field {
            Raw::Bytes(1, mut names) => {
                while let Some(name) = next(&mut names).ok_or_else(broken)? {
                    match name {
                        Raw::Bytes(1, text) => api_version = String::from_utf8_lossy(text).into_owned(),
                        Raw::Bytes(2, text) => kind = String::from_utf8_lossy(text).into_owned(),
                        _ => return Err(broken()),
                    }
                }
            }
            Raw::Bytes(2, bytes) => raw = bytes,
            Raw::Bytes(..) | Raw::Number(..) => {}
        }
    }
    let known = matches!(
        kind.as_str(),
        "Secret" | "ConfigMap" | "Namespace" | "ServiceAccount" | "DeleteOptions" | "SelfSubjectAccessReview"
    );
    if !known {
        let message =
            format!("a {kind} is only understood as JSON here; send it with `kubectl apply` or `kubectl create -f`");
        return Err(Refusal::new(415, "UnsupportedMediaType", message));
    }
    let mut object = message(raw, &kind, MAX_DEPTH).ok_or_else(broken)?;
    object.insert("apiVersion".into(), api_version.into());
    object.insert("kind".into(), kind.into());
    Ok(Value::Object(object))
}

/// The fields of a message; `None` where it is broken or holds what is not known.
fn message(mut bytes: &[u8], name: &str, depth: u32) -> Option<Map<String, Value>> {
    let depth = depth.checked_sub(1)?;
    let fields = fields(name)?;
    let mut map = Map::new();
    while let Some(raw) = next(&mut bytes)? {
        let (Raw::Number(number, _) | Raw::Bytes(number, _)) = raw;
        let (_, key, field) = fields.iter().find(|(known, ..)| *known == number)?;
        let entry = |map: &mut Map<String, Value>, value: Value| match value {
            // What is not set comes as an empty text or message.
            Value::String(text) if text.is_empty() => {}
            Value::Object(inner) if inner.is_empty() => {}
            value => {
                map.insert((*key).to_owned(), value);
            }
        };
        match (field, raw) {
            (Ignored, _) => {}
            (Text, Raw::Bytes(_, text)) => entry(&mut map, text_of(text)?),
            (Number, Raw::Number(_, value)) => {
                if value > 0 {
                    entry(&mut map, json!(value));
                }
            }
            (Flag, Raw::Number(_, value)) => entry(&mut map, json!(value != 0)),
            (One(inner), Raw::Bytes(_, bytes)) => entry(&mut map, Value::Object(message(bytes, inner, depth)?)),
            (Texts, Raw::Bytes(_, text)) => push(&mut map, key, text_of(text)?)?,
            (Many(inner), Raw::Bytes(_, bytes)) => push(&mut map, key, Value::Object(message(bytes, inner, depth)?))?,
            (TextMap | BytesMap, Raw::Bytes(_, pair)) => {
                let (name, value) = self::pair(pair)?;
                let value = if matches!(field, TextMap) { text_of(value)? } else { STANDARD.encode(value).into() };
                let inner = map.entry(*key).or_insert_with(|| Value::Object(Map::new())).as_object_mut()?;
                inner.insert(name, value);
            }
            _ => return None,
        }
    }
    Some(map)
}

fn push(map: &mut Map<String, Value>, key: &str, value: Value) -> Option<()> {
    map.entry(key).or_insert_with(|| json!([])).as_array_mut()?.push(value);
    Some(())
}

fn text_of(bytes: &[u8]) -> Option<Value> {
    String::from_utf8(bytes.to_vec()).ok().map(Value::String)
}

/// Key and value of one entry of a map.
fn pair(mut bytes: &[u8]) -> Option<(String, &[u8])> {
    let (mut key, mut value) = (String::new(), &[][..]);
    while let Some(raw) = next(&mut bytes)? {
        match raw {
            Raw::Bytes(1, text) => key = String::from_utf8(text.to_vec()).ok()?,
            Raw::Bytes(2, bytes) => value = bytes,
            _ => return None,
        }
    }
    Some((key, value))
}

/// Takes the next field: `Some(None)` at the end, `None` where the bytes are broken.
#[expect(clippy::option_option, reason = "the end and a defect are told apart, and `?` serves for the second")]
fn next<'a>(bytes: &mut &'a [u8]) -> Option<Option<Raw<'a>>> {
    if bytes.is_empty() {
        return Some(None);
    }
    let tag = varint(bytes)?;
    match tag & 7 {
        0 => Some(Some(Raw::Number(tag >> 3, varint(bytes)?))),
        2 => {
            let length = usize::try_from(varint(bytes)?).ok()?;
            let (inside, rest) = bytes.split_at_checked(length)?;
            *bytes = rest;
            Some(Some(Raw::Bytes(tag >> 3, inside)))
        }
        // Fixed-width numbers and groups do not occur in these messages.
        _ => None,
    }
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2, u8::try_from(content.len()).unwrap()];
        bytes.extend_from_slice(content);
        bytes
    }

    fn body(kind: &str, raw: &[u8]) -> Vec<u8> {
        let names = [field(1, b"v1"), field(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), field(1, &names), field(2, raw)].concat()
    }

    #[test]
    fn reads_a_secret_and_leaves_out_what_is_not_set() {
        let label = field(11, &[field(1, b"owner"), field(2, b"helm")].concat());
        let metadata = [field(1, b"a"), field(2, b""), label, field(8, b"")].concat();
        let data = [field(1, b"release"), field(2, b"\x00\xff")].concat();
        let raw = [field(1, &metadata), field(2, &data), field(3, b"helm.sh/release.v1")].concat();
        let expected = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "labels": {"owner": "helm"}},
            "data": {"release": "AP8="}, "type": "helm.sh/release.v1"});
        assert_eq!(decode(&body("Secret", &raw)).unwrap(), expected);
    }

    #[test]
    fn refuses_other_kinds_by_name_and_broken_bytes() {
        let refused = decode(&body("Deployment", b"")).unwrap_err();
        assert!(refused.code == 415 && refused.message.starts_with("a Deployment is only understood as JSON"));
        assert_eq!(decode(b"k8s\0\x0a\xff").unwrap_err().code, 400);
        assert_eq!(decode(&body("Secret", b"\x0a\x05a")).unwrap_err().code, 400);
    }
}
