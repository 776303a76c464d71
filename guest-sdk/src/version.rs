//! Versions as Masterminds/semver 3.1.1 reads them (`NewVersion`): an optional `v`, one to three numbers, leading zeros
//! and missing numbers allowed.

use std::cmp::Ordering;

/// A version; build metadata counts for nothing and is dropped.
///
/// ```
/// # use rhumb_guest_sdk::version::Version;
/// let [a, b] = ["v1.10", "1.9.3"].map(|tag| Version::parse(tag));
/// assert!(a.zip(b).is_some_and(|(a, b)| a.compare(&b).is_gt()));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Version<'a> {
    /// Major, minor and patch; 0 where left out.
    pub numbers: [u64; 3],
    /// Without the dash; empty for none.
    pub pre: &'a str,
}

impl<'a> Version<'a> {
    /// Reads a tag as a version, in one pass: this runs for every tag on offer.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut rest = text.strip_prefix('v').unwrap_or(text);
        let mut numbers = [0; 3];
        for (at, number) in numbers.iter_mut().enumerate() {
            let start = if at == 0 { Some(rest) } else { rest.strip_prefix('.') };
            let Some(start) = start else { break };
            (*number, rest) = leading_number(start)?;
        }
        if rest.is_empty() {
            return Some(Self { numbers, pre: "" });
        }
        let (suffix, build) = rest.split_once('+').map_or((rest, None), |(suffix, build)| (suffix, Some(build)));
        if build.is_some_and(|build| !build.split('.').all(is_identifier)) {
            return None;
        }
        if suffix.is_empty() {
            return Some(Self { numbers, pre: "" });
        }
        let pre = suffix.strip_prefix('-')?;
        let is_pre = pre.split('.').all(|part| is_identifier(part) && !has_leading_zero(part));
        is_pre.then_some(Self { numbers, pre })
    }

    /// The same without its pre-release.
    pub fn release(&self) -> Self {
        Self { numbers: self.numbers, pre: "" }
    }

    /// Precedence: numbers, then a release above its pre-releases, then identifier by identifier.
    pub fn compare(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| match (self.pre, other.pre) {
            ("", "") => Ordering::Equal,
            ("", _) => Ordering::Greater,
            (_, "") => Ordering::Less,
            (a, b) => compare_pre(a, b),
        })
    }
}

/// Numbers below texts, numbers by value, texts by their bytes, and fewer identifiers below more.
fn compare_pre(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) => match (digits(a), digits(b)) {
                (Some(a), Some(b)) => a.cmp(&b),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => a.cmp(b),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// The number that a text begins with, and the rest; `None` without one or above `u64`.
fn leading_number(text: &str) -> Option<(u64, &str)> {
    let (mut value, mut length) = (0u64, 0);
    for byte in text.bytes() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        length += 1;
    }
    let (number, rest) = text.split_at_checked(length)?;
    match length {
        0 => None,
        // Nineteen digits always fit.
        1..=19 => Some((value, rest)),
        _ => Some((number.parse().ok()?, rest)),
    }
}

/// Whether a part of a pre-release or of build metadata has only the characters that it may have.
pub fn is_identifier(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn has_leading_zero(part: &str) -> bool {
    part.len() > 1 && part.starts_with('0') && part.bytes().all(|byte| byte.is_ascii_digit())
}

/// A number of digits alone; `None` above `u64`.
pub fn digits(part: &str) -> Option<u64> {
    let only_digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if only_digits { part.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_flux_reads_as_a_version() {
        for text in [
            "1",
            "v1",
            "1.2",
            "1.2-alpha",
            "1-alpha",
            "01.2.3",
            "1.02.3",
            "1.2.3-r0",
            "1.2.3-debian-9-r3",
            "1.2.3-alpine3.12",
            "v1.2.3+build",
            "20200101",
            "1234567",
        ] {
            assert!(Version::parse(text).is_some(), "{text}");
        }
        for text in [
            "",
            "V1",
            "1.2.3.4",
            "1.2.3-01",
            "1.2.3-rc.01",
            "1.2.3_1",
            "99999999999999999999",
            "latest",
            "1a",
            "1.2.x",
            "1.2.3-",
            "release-1.2.3",
            "1.2.3.Final",
            "1.2.3 ",
            "sha-1234567",
            "7e3bd21",
            "1e5",
            "1.",
            ".1",
            "v",
            "1.2.3+",
        ] {
            assert!(Version::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn orders_as_flux_does() {
        let falling = [
            "1.2.3",
            "1.2.3-rc.1",
            "1.2.3-r9",
            "1.2.3-r10",
            "1.2.3-beta.11",
            "1.2.3-beta.2",
            "1.2.3-beta",
            "1.2.3-alpha.beta",
            "1.2.3-alpha.1",
            "1.2.3-alpha",
            "1.2.3-BETA",
            "1.2.3-10",
            "1.2.3-9",
            "1.2.3-0",
            "1.2",
        ];
        for pair in falling.windows(2) {
            let [higher, lower] = [pair[0], pair[1]].map(|text| Version::parse(text).unwrap());
            assert_eq!(higher.compare(&lower), Ordering::Greater, "{pair:?}");
        }
        assert_eq!(Version::parse("1.10").unwrap().compare(&Version::parse("v1.10.0+x").unwrap()), Ordering::Equal);
    }
}
