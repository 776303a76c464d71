//! Times as case files write them: milliseconds since 1970, or RFC 3339.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A time in milliseconds since 1970, read from a number or from a text such as `2026-01-05T09:00:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time(pub u64);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let time = value.as_u64().or_else(|| value.as_str().and_then(parse));
        time.map(Self).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "expected milliseconds since 1970 or a time such as `2026-01-05T09:00:00Z`, got {value}"
            ))
        })
    }
}

/// Milliseconds since 1970; `None` for what is no time of RFC 3339.
pub(crate) fn parse(text: &str) -> Option<u64> {
    // A date that stands for itself, such as a tag, is no time.
    let timestamp = Some(text).filter(|text| text.contains('T'))?.parse::<Timestamp>().ok()?;
    u64::try_from(timestamp.as_millisecond()).ok()
}

/// The time in RFC 3339.
pub fn printed(millis: u64) -> String {
    let timestamp = i64::try_from(millis).ok().and_then(|millis| Timestamp::from_millisecond(millis).ok());
    timestamp.map_or_else(|| millis.to_string(), |timestamp| timestamp.to_string())
}

/// Turns every text in there that is a time into milliseconds, which is what evidence counts in.
pub(crate) fn in_millis(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(time) = parse(text) {
                *value = Value::from(time);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(in_millis),
        Value::Object(map) => map.values_mut().for_each(in_millis),
        _ => {}
    }
}
