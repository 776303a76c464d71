//! Identifiers, each a type of its own so that one is never taken for another.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

macro_rules! text_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the text as it is.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }
    };
}

text_newtype! {
    /// A tag of an image, such as `dev-kb9lm91e`.
    Tag
}
text_newtype! {
    /// A commit, as 40 hexadecimal digits.
    Revision
}
text_newtype! {
    /// The name under which a filter annotation reaches a container: `chart-image`, a key of the values, an alias, or
    /// the name of a container in a pod.
    ContainerName
}
text_newtype! {
    /// The name of a policy, such as `glob` or `soak`.
    PolicyName
}

impl Revision {
    /// The first 7 digits, for people.
    pub fn short(&self) -> &str {
        self.0.get(..7).unwrap_or(&self.0)
    }
}

/// A SHA-256 digest in the form `sha256:<64 hex digits>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(format!("sha256:{}", hex::encode(Sha256::digest(bytes.as_ref()))))
    }

    /// The digest of several parts, each preceded by its length, so that no two lists of parts collide.
    pub fn of_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        Self(format!("sha256:{}", hex::encode(hasher.finalize())))
    }

    /// Reads `sha256:<64 lower-case hex digits>`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("sha256:")?;
        let hexadecimal = digits.len() == 64 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        hexadecimal.then(|| Self(text.to_owned()))
    }

    /// `sha256:<hex>`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A number made of the first 15 digits, for what needs a seed.
    pub fn seed(&self) -> u64 {
        self.0.get(7..22).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_default()
    }

    /// The first 12 digits, for people.
    pub fn short(&self) -> &str {
        self.0.get(7..19).unwrap_or(&self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Milliseconds since 1970-01-01T00:00:00Z. 0 means unknown where a field says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// This much later.
    #[must_use]
    pub fn plus_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to this; 0 when it is not earlier.
    pub fn millis_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Reads RFC 3339, such as `2026-11-23T14:35:00Z` or `2026-11-23T15:35:00.25+01:00`; before 1970 is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        // `parse` alone would take a sign.
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
        let number = |range: std::ops::Range<usize>| digits(text.get(range)?);
        let separators = [(4, '-'), (7, '-'), (10, 'T'), (13, ':'), (16, ':')];
        if separators
            .iter()
            .any(|(at, c)| !text.get(*at..).is_some_and(|rest| rest.starts_with([*c, c.to_ascii_lowercase()])))
        {
            return None;
        }
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
        if year < 1970
            || !(1..=12).contains(&month)
            || !(1..=31).contains(&day)
            || hour > 23
            || minute > 59
            || second > 60
        {
            return None;
        }
        let rest = text.get(19..)?;
        let fraction = rest.strip_prefix('.').map_or("", |fraction| {
            let end = fraction.find(|c: char| !c.is_ascii_digit()).unwrap_or(fraction.len());
            fraction.get(..end).unwrap_or_default()
        });
        let zone = rest.strip_prefix('.').and_then(|rest| rest.get(fraction.len()..)).unwrap_or(rest);
        let millis: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
        let local = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
        let offset = |zone: &str| match zone.split_once(':')? {
            (hours, minutes) if hours.len() == 2 && minutes.len() == 2 => {
                Some(digits(hours)? * 3600 + digits(minutes)? * 60)
            }
            _ => None,
        };
        let utc = match zone.split_at_checked(1)? {
            ("Z" | "z", "") => local,
            ("+", zone) => local.checked_sub(offset(zone)?)?,
            ("-", zone) => local + offset(zone)?,
            _ => return None,
        };
        Some(Self(utc * 1000 + millis))
    }

    /// Whether the time is known.
    pub fn is_known(self) -> bool {
        self.0 != 0
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC to the second, such as `2026-11-23T14:35:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, second) = (self.0 / 86_400_000, self.0 / 1000 % 86_400);
        let (year, month, day) = civil(date);
        write!(f, "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
    }
}

/// Year, month and day of a count of days since 1970-01-01 (Howard Hinnant's `civil_from_days`, for days after 0).
fn civil(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let era = z / 146_097;
    let doe = z % 146_097;
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + u64::from(month <= 2), month, day)
}

/// Days from 1970-01-01 to a date of the same or a later year (Howard Hinnant's `days_from_civil`).
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, yoe) = (year / 400, year % 400);
    let doy = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

/// A namespaced object that Rhumb reconciles: a HelmRelease or a workload.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectId {
    /// Kind as written, such as `HelmRelease`.
    pub kind: String,
    /// `None` for objects of the cluster.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
}

impl ObjectId {
    /// `<namespace>/<name>`, as commands take it and as the records of a release name their HelmRelease.
    pub fn namespaced(&self) -> String {
        format!("{}/{}", self.namespace.as_deref().unwrap_or("default"), self.name)
    }
}

impl fmt::Display for ObjectId {
    /// Flux's identity: `<namespace>:<kind in lower case>/<name>`, with `<cluster>` for objects of the cluster.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let namespace = self.namespace.as_deref().unwrap_or("<cluster>");
        write!(f, "{namespace}:{}/{}", self.kind.to_lowercase(), self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_times_as_rfc_3339() {
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Timestamp(1_795_444_500_000).to_string(), "2026-11-23T14:35:00Z");
        assert_eq!(Timestamp(1_709_208_000_000).to_string(), "2024-02-29T12:00:00Z");
    }

    #[test]
    fn reads_the_times_it_prints_and_others() {
        assert_eq!(Timestamp::parse("2026-11-23T14:35:00Z"), Some(Timestamp(1_795_444_500_000)));
        assert_eq!(Timestamp::parse("2026-11-23T15:35:00.25+01:00"), Some(Timestamp(1_795_444_500_250)));
        assert_eq!(Timestamp::parse("2024-02-29T12:00:00.123456789Z"), Some(Timestamp(1_709_208_000_123)));
        for text in [
            "",
            "2026-11-23",
            "2026-13-01T00:00:00Z",
            "1960-01-01T00:00:00Z",
            "2026-11-23T14:35:00",
            "2026-11-23T14:35:00+01:00x",
            "2026-11-23T14:35:00+0100",
            "2026/11/23 14.35.00Z",
            "+026-+1-+3T+4:+5:+0Z",
            "ä026-11-23T14:35:00Z",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn digests_of_parts_do_not_collide() {
        let ab = Digest::of_parts([b"a".as_slice(), b"b"]);
        assert_ne!(ab, Digest::of_parts([b"ab".as_slice(), b""]));
        assert_eq!(Digest::parse(ab.as_str()), Some(ab.clone()));
        assert_eq!(Digest::parse("sha256:AB"), None);
    }
}
