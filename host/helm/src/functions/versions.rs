//! Versions and ranges, as `github.com/Masterminds/semver` reads them.

use std::cmp::Ordering;
use std::rc::Rc;

use super::{Call, Function};
use crate::template::{Failure, Outcome};
use crate::value::{Struct, Value, display};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "semver" => semver,
        "semverCompare" => semver_compare,
        _ => return None,
    })
}

/// A version; missing parts are 0.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Version {
    numbers: [u64; 3],
    /// How many numbers are written.
    written: usize,
    prerelease: String,
    metadata: String,
}

impl Version {
    /// Reads `v1.2.3-pre+meta`; minor and patch may be missing.
    fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (text, metadata) = text.split_once('+').map_or((text, ""), |(text, metadata)| (text, metadata));
        let (core, prerelease) = text.split_once('-').map_or((text, ""), |(core, prerelease)| (core, prerelease));
        let identifiers = |text: &str| {
            text.split('.')
                .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
        };
        if !(prerelease.is_empty() && !text.contains('-') || identifiers(prerelease)) {
            return None;
        }
        if !(metadata.is_empty() || identifiers(metadata)) {
            return None;
        }
        let mut numbers = [0; 3];
        let mut written = 0;
        for part in core.split('.') {
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            *numbers.get_mut(written)? = digits.then(|| part.parse().ok()).flatten()?;
            written += 1;
        }
        Some(Self { numbers, written, prerelease: prerelease.to_owned(), metadata: metadata.to_owned() })
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| match (self.prerelease.as_str(), other.prerelease.as_str()) {
            ("", "") => Ordering::Equal,
            ("", _) => Ordering::Greater,
            (_, "") => Ordering::Less,
            (a, b) => compare_prereleases(a, b),
        })
    }

    fn number(&self, at: usize) -> u64 {
        self.numbers.get(at).copied().unwrap_or(0)
    }
}

fn compare_prereleases(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        return match (a.next(), b.next()) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(x), Some(y)) if x == y => continue,
            (Some(x), Some(y)) => match (x.parse::<u64>(), y.parse::<u64>()) {
                (Ok(x), Ok(y)) => x.cmp(&y),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                _ => x.cmp(y),
            },
        };
    }
}

/// One comparison of a range.
struct Comparison {
    operator: String,
    version: Version,
    /// Numbers that are written and no wildcard.
    given: usize,
}

impl Comparison {
    fn parse(text: &str) -> Option<Self> {
        let at = text.find(|c| !matches!(c, '=' | '!' | '<' | '>' | '~' | '^')).unwrap_or(text.len());
        let (operator, rest) = text.split_at(at);
        if !matches!(operator, "" | "=" | "!=" | ">" | "<" | ">=" | "=>" | "<=" | "=<" | "~" | "~>" | "^") {
            return None;
        }
        let rest = rest.trim();
        let (core, tail) = rest.split_at(rest.find(['-', '+']).unwrap_or(rest.len()));
        let parts: Vec<&str> = core.trim_start_matches('v').split('.').collect();
        let given = parts.iter().take_while(|part| !matches!(**part, "x" | "X" | "*")).count();
        let wild = given < parts.len();
        let known = parts.get(..given)?.join(".");
        let known = if given == 0 && wild { "0" } else { &known };
        let version = Version::parse(&format!("{known}{tail}"))?;
        Some(Self { operator: operator.to_owned(), version, given })
    }

    fn holds(&self, version: &Version) -> bool {
        let order = version.compare(&self.version);
        let same = |count: usize| version.numbers.iter().zip(&self.version.numbers).take(count).all(|(a, b)| a == b);
        match self.operator.as_str() {
            "" | "=" if self.given < 3 => same(self.given),
            "" | "=" => order == Ordering::Equal,
            "!=" if self.given < 3 => !same(self.given),
            "!=" => order != Ordering::Equal,
            ">" if self.given < 3 => order == Ordering::Greater && !same(self.given),
            ">" => order == Ordering::Greater,
            ">=" | "=>" => order != Ordering::Less,
            "<" => order == Ordering::Less,
            "<=" | "=<" if self.given < 3 => order != Ordering::Greater || same(self.given),
            "<=" | "=<" => order != Ordering::Greater,
            "~" | "~>" => self.given == 0 || order != Ordering::Less && same(self.given.min(2)),
            _ => order != Ordering::Less && self.caret(version, &same),
        }
    }

    /// `^`: the first number that is not 0 stays.
    fn caret(&self, version: &Version, same: &dyn Fn(usize) -> bool) -> bool {
        if self.version.number(0) > 0 || self.given < 2 {
            return same(1);
        }
        if self.version.number(1) > 0 || self.given < 3 {
            return same(2);
        }
        same(3) && version.number(2) == self.version.number(2)
    }
}

/// A range: any of several lists of comparisons.
struct Range(Vec<Vec<Comparison>>);

impl Range {
    fn parse(text: &str) -> Option<Self> {
        text.split("||").map(alternative).collect::<Option<Vec<_>>>().map(Self)
    }

    fn holds(&self, version: &Version) -> bool {
        self.0.iter().any(|all| {
            // A version that is a pre-release only fits comparisons of which one names a pre-release.
            let admits = version.prerelease.is_empty() || all.iter().any(|one| !one.version.prerelease.is_empty());
            admits && all.iter().all(|one| one.holds(version))
        })
    }
}

fn alternative(text: &str) -> Option<Vec<Comparison>> {
    let text = text.trim();
    if let Some((from, to)) = text.split_once(" - ") {
        return [format!(">={}", from.trim()), format!("<={}", to.trim())]
            .iter()
            .map(|part| Comparison::parse(part))
            .collect();
    }
    if text.ends_with(',') {
        return None;
    }
    // An operator may stand apart from its version.
    let mut words: Vec<String> = Vec::new();
    for word in text.split([',', ' ']).filter(|word| !word.is_empty()) {
        match words.last_mut().filter(|last| last.ends_with(['=', '<', '>', '~', '^', '!'])) {
            Some(last) => last.push_str(word),
            None => words.push(word.to_owned()),
        }
    }
    if words.is_empty() {
        return None;
    }
    words.iter().map(|word| Comparison::parse(word)).collect()
}

/// Helm's `IsCompatibleRange`: whether a version fits a range; a range or version that cannot be read fits nothing.
pub(crate) fn is_compatible_range(range: &str, version: &str) -> bool {
    match (Version::parse(version), Range::parse(range)) {
        (Some(version), Some(range)) => range.holds(&version),
        _ => false,
    }
}

fn semver_compare(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (range, version) = (call.text(0)?, call.text(1)?);
    let range = Range::parse(&range).ok_or_else(|| Failure::new(format!("improper constraint: {range}")))?;
    let version =
        Version::parse(&version).ok_or_else(|| Failure::new(format!("invalid semantic version: {version}")))?;
    Ok(Value::Bool(range.holds(&version)))
}

#[allow(clippy::cast_possible_wrap, reason = "versions are far below the bound")]
fn semver(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let text = call.text(0)?;
    let version = Version::parse(&text).ok_or_else(|| Failure::new("invalid semantic version"))?;
    let number = |at: usize| Value::Int64(version.number(at) as i64);
    let [major, minor, patch] = version.numbers;
    let mut full = format!("{major}.{minor}.{patch}");
    for (mark, part) in [('-', &version.prerelease), ('+', &version.metadata)] {
        if !part.is_empty() {
            full.push(mark);
            full.push_str(part);
        }
    }
    Ok(Value::Struct(Rc::new(Struct {
        name: "*semver.Version",
        fields: vec![
            ("Major", number(0)),
            ("Minor", number(1)),
            ("Patch", number(2)),
            ("Prerelease", Value::text(version.prerelease.as_str())),
            ("Metadata", Value::text(version.metadata.as_str())),
            ("Original", Value::Text(text)),
        ],
        text: Some(full),
    })))
}

/// `(semver "1.2.3").Compare`.
pub(crate) fn compare_versions(a: &Value, b: &Value) -> Outcome<Value> {
    let read = |value: &Value| Version::parse(&display(value)).ok_or_else(|| Failure::new("invalid semantic version"));
    Ok(Value::Int(match read(a)?.compare(&read(b)?) {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from `semverCompare` of Helm 3.19.0: constraint, version, answer.
    #[test]
    fn ranges_hold_as_for_helm() {
        let mut wrong = Vec::new();
        for line in include_str!("semver.tsv").lines() {
            let [range, version, expected] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
            let answer = match (Range::parse(range), Version::parse(version)) {
                (Some(range), Some(version)) if range.holds(&version) => "yes",
                (Some(_), Some(_)) => "no",
                _ => "err",
            };
            if answer != expected {
                wrong.push(format!("{range} with {version}: {answer} instead of {expected}"));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
