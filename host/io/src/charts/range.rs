//! Ranges of versions as Helm reads them (Masterminds semver v3.4, which Helm 3.19 has).
//!
//! Unlike Cargo's: a bare `1.2` means `1.2.x`, spaces and commas both mean and, `||` means or, and pre-releases count
//! only where the group of conditions names one.

use semver::{Prerelease, Version};

/// Longest range that is read.
const RANGE_LIMIT: usize = 256;

/// A range of versions: groups of conditions, one of which must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range(Vec<Vec<Condition>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    operator: Operator,
    version: Partial,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    Tilde,
    Caret,
}

/// A version whose end may be left out or be `x`, `X` or `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Partial {
    /// As far as given; what is left out is zero.
    version: Version,
    /// How many of major, minor and patch are given before the first wildcard.
    given: usize,
}

/// Operators by length, so that `>=` is not read as `>`.
const OPERATORS: [(&str, Operator); 13] = [
    (">=", Operator::GreaterEqual),
    ("=>", Operator::GreaterEqual),
    ("<=", Operator::LessEqual),
    ("=<", Operator::LessEqual),
    ("!=", Operator::NotEqual),
    ("~>", Operator::Tilde),
    ("==", Operator::Equal),
    ("=", Operator::Equal),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("~", Operator::Tilde),
    ("^", Operator::Caret),
    ("", Operator::Equal),
];

impl Range {
    /// Reads a range; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > RANGE_LIMIT {
            return None;
        }
        text.split("||").map(group).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Whether the version lies in the range.
    pub fn contains(&self, version: &Version) -> bool {
        self.0.iter().any(|group| {
            let admits = version.pre.is_empty() || group.iter().any(|one| !one.version.version.pre.is_empty());
            admits && group.iter().all(|one| one.holds(version))
        })
    }
}

/// Reads a version as Helm does: `v` in front, missing parts and leading zeros are fine.
pub(super) fn version(text: &str) -> Option<Version> {
    let partial = partial(text)?;
    let wildcard = text.split(['-', '+']).next().unwrap_or_default().contains(['x', 'X', '*']);
    (partial.given > 0 && !wildcard).then_some(partial.version)
}

fn group(text: &str) -> Option<Vec<Condition>> {
    let text = text.trim();
    if let Some((from, to)) = text.split_once(" - ") {
        let low = Condition { operator: Operator::GreaterEqual, version: partial(from.trim())? };
        let high = Condition { operator: Operator::LessEqual, version: partial(to.trim())? };
        return Some(vec![low, high]);
    }
    let mut found = Vec::new();
    for part in text.split(',') {
        let mut rest = part.trim();
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let (sign, operator) = OPERATORS.iter().find(|(sign, _)| rest.starts_with(sign))?;
            let after = rest.strip_prefix(sign)?.trim_start();
            let end = after.find(|c: char| c.is_whitespace() || "<>=!~^".contains(c)).unwrap_or(after.len());
            let (word, following) = after.split_at(end);
            found.push(Condition { operator: *operator, version: partial(word)? });
            rest = following.trim_start();
        }
    }
    Some(found)
}

fn partial(text: &str) -> Option<Partial> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
    let (numbers, pre) = text.split_once('-').map_or((text, None), |(numbers, pre)| (numbers, Some(pre)));
    if pre == Some("") || build.is_some_and(|build| semver::BuildMetadata::new(build).is_err()) {
        return None;
    }
    let mut parts = [0_u64; 3];
    let mut given = 0;
    let mut wild = false;
    for (index, part) in numbers.split('.').enumerate() {
        let slot = parts.get_mut(index)?;
        if matches!(part, "x" | "X" | "*") {
            wild = true;
            continue;
        }
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // What follows a wildcard is read and means nothing.
        if !wild {
            *slot = part.parse().ok()?;
            given = index + 1;
        }
    }
    let [major, minor, patch] = parts;
    let mut version = Version::new(major, minor, patch);
    version.pre = pre.map_or(Ok(Prerelease::EMPTY), Prerelease::new).ok()?;
    Some(Partial { version, given })
}

impl Condition {
    fn holds(&self, version: &Version) -> bool {
        let (low, given) = (&self.version.version, self.version.given);
        // Build metadata says nothing about order.
        let plain = Version { build: semver::BuildMetadata::EMPTY, ..version.clone() };
        let from = plain >= *low;
        // Everything up to the last given part is the same.
        let same = version.major == low.major
            && (given < 2 || version.minor == low.minor)
            && (given < 3 || version.patch == low.patch);
        match self.operator {
            Operator::Equal if given == 3 => plain == *low,
            Operator::NotEqual if given == 3 => plain != *low,
            Operator::Equal => given == 0 || (from && same),
            Operator::NotEqual => given != 0 && !same,
            Operator::Greater if given == 3 => plain > *low,
            Operator::Greater => given != 0 && plain > *low && !same,
            Operator::GreaterEqual => from,
            Operator::Less => plain < *low,
            Operator::LessEqual if given == 3 => plain <= *low,
            Operator::LessEqual => given == 0 || plain <= *low || same,
            Operator::Tilde if given == 0 => true,
            Operator::Tilde => from && version.major == low.major && (given < 2 || version.minor == low.minor),
            // `^*` fits nothing but major 0, as in the original.
            Operator::Caret if low.major > 0 || given < 2 => from && version.major == low.major,
            Operator::Caret if low.minor > 0 || given < 3 => from && version.major == 0 && version.minor == low.minor,
            Operator::Caret => from && version.major == 0 && version.minor == 0 && version.patch == low.patch,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line: range, versions that fit, versions that don't; as the real Helm 3.19 answers.
    const CASES: &[(&str, &[&str], &[&str])] = &[
        ("~0.4", &["0.4.0", "0.4.9"], &["0.5.0", "0.4.1-rc.1"]),
        ("^1", &["1.0.0", "1.9.9"], &["2.0.0", "1.1.0-beta"]),
        ("^0.2", &["0.2.5"], &["0.3.0"]),
        ("^0", &["0.9.0"], &["1.0.0"]),
        ("^0.0.3", &["0.0.3"], &["0.0.4"]),
        (">=1.0 <2 || 3.x", &["1.5.0", "3.9.1"], &["2.0.0", "4.0.0"]),
        ("1.2.x", &["1.2.0", "1.2.99"], &["1.3.0", "1.2.3-0"]),
        ("*", &["0.0.0", "9.9.9"], &["1.0.0-alpha"]),
        ("*-0", &["1.0.0-alpha", "1.0.0"], &[]),
        (">=0.0.0-0", &["1.0.0-alpha", "0.0.0-0"], &[]),
        ("1.0 - 2.0", &["1.0.0", "2.0.0", "2.0.5"], &["2.1.0"]),
        ("1.0.0 - 2.0.0", &["2.0.0"], &["2.0.1"]),
        ("~1.2-0", &["1.2.3-rc.1"], &["1.3.0-rc.1"]),
        ("^1.0.0-0", &["1.5.0-rc.1"], &["2.0.0-rc.1"]),
        ("~2", &["2.9.9"], &["3.0.0"]),
        ("~>2.1", &["2.1.9"], &["2.2.0"]),
        ("=1.2", &["1.2.7"], &["1.3.0"]),
        ("!=1.2.x", &["1.3.0"], &["1.2.1"]),
        (">1", &["2.0.0"], &["1.9.0"]),
        (">1.2", &["1.3.0"], &["1.2.9"]),
        ("<=1.2", &["1.2.9"], &["1.3.0"]),
        ("<2", &["1.9.9"], &["2.0.0-rc1"]),
        (">=1.2, <1.4", &["1.3.9"], &["1.4.0"]),
        ("v1.2.3", &["1.2.3", "v1.2.3"], &[]),
        ("1.2.3+build", &["1.2.3", "1.2.3+other"], &[]),
        (">=1.19-0", &["1.19.0-eks-abc", "v1.34.0"], &["1.18.9"]),
        ("~1.19.x-0", &["1.19.5-gke.1"], &[]),
        ("=>1.0", &["1.0.0"], &[]),
        ("=<1.0", &["1.0.0"], &[]),
        ("x", &["1.2.3"], &[]),
        ("1.2.3 || 1.2.5", &["1.2.5"], &["1.2.4"]),
        (">= 1.0, != 1.5 ,< 2", &["1.6.0"], &["1.5.3"]),
        ("^1.2.3-beta.2", &["1.2.3-beta.10", "1.2.4-beta.1"], &["1.2.3-alpha"]),
        ("1", &["1.4.2"], &[]),
        ("01.2", &["1.2.0"], &[]),
        ("1.2.*", &["1.2.8"], &[]),
        ("~0", &["0.5.0"], &["1.0.0"]),
        ("^*", &[], &["5.0.0"]),
        ("1.x.3", &["1.9.3", "1.9.4"], &[]),
    ];

    #[test]
    fn fits_what_helm_fits() {
        for (text, fit, others) in CASES {
            let range = Range::parse(text).unwrap_or_else(|| panic!("{text} is a range"));
            for one in *fit {
                assert!(range.contains(&version(one).unwrap()), "{text} holds {one}");
            }
            for one in *others {
                assert!(!range.contains(&version(one).unwrap()), "{text} does not hold {one}");
            }
        }
    }

    #[test]
    fn refuses_what_helm_refuses() {
        for text in ["", "1.2.3.4", ">=latest", ">1 <2,", "a || 1", "1..2", "1.2-", &"1".repeat(300)] {
            assert_eq!(Range::parse(text), None, "{text}");
        }
    }
}
