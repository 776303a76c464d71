//! Versions and ranges, as Helm 3.19 reads them (`github.com/Masterminds/semver` v3.4).
//!
//! Unlike Cargo's: a bare `1.2` means `1.2.x`, spaces and commas both mean and, `||` means or, and pre-releases count only
//! where the list of comparisons names one.

use std::cmp::Ordering;

/// Longest range that is read.
const RANGE_LIMIT: usize = 256;

/// A version; missing parts are 0.
#[derive(Clone, Debug)]
pub struct Version {
    pub(crate) numbers: [u64; 3],
    pub(crate) prerelease: String,
    pub(crate) metadata: String,
}

impl Version {
    /// Reads `v1.2.3-pre+meta`; minor and patch may be missing.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let plus = text.contains('+');
        let (text, metadata) = text.split_once('+').map_or((text, ""), |(text, metadata)| (text, metadata));
        let (core, prerelease) = text.split_once('-').map_or((text, ""), |(core, prerelease)| (core, prerelease));
        let identifiers = |text: &str| {
            text.split('.')
                .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
        };
        if plus && metadata.is_empty() {
            return None;
        }
        let padded =
            |part: &str| part.len() > 1 && part.starts_with('0') && part.bytes().all(|byte| byte.is_ascii_digit());
        if prerelease.split('.').any(padded) {
            return None;
        }
        if !(prerelease.is_empty() && !text.contains('-') || identifiers(prerelease)) {
            return None;
        }
        if !(metadata.is_empty() || identifiers(metadata)) {
            return None;
        }
        let mut numbers = [0; 3];
        for (at, part) in core.split('.').enumerate() {
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            *numbers.get_mut(at)? = digits.then(|| part.parse().ok()).flatten()?;
        }
        Some(Self { numbers, prerelease: prerelease.to_owned(), metadata: metadata.to_owned() })
    }

    pub(crate) fn number(&self, at: usize) -> u64 {
        self.numbers.get(at).copied().unwrap_or(0)
    }
}

impl Ord for Version {
    /// SemVer's precedence; what is written does not count, metadata neither.
    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| match (self.prerelease.as_str(), other.prerelease.as_str()) {
            ("", "") => Ordering::Equal,
            ("", _) => Ordering::Greater,
            (_, "") => Ordering::Less,
            (a, b) => compare_prereleases(a, b),
        })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

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
#[derive(Clone, Debug)]
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
        let order = version.cmp(&self.version);
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
#[derive(Clone, Debug)]
pub struct Range(Vec<Vec<Comparison>>);

impl Range {
    /// Reads a range of at most 256 bytes; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > RANGE_LIMIT {
            return None;
        }
        text.split("||").map(alternative).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Whether the version lies in the range.
    pub fn contains(&self, version: &Version) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from `semverCompare` of Helm 3.19.0: constraint, version, answer.
    #[test]
    fn ranges_hold_as_for_helm() {
        let mut wrong = Vec::new();
        for line in include_str!("functions/semver.tsv").lines() {
            let [range, version, expected] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
            let answer = match (Range::parse(range), Version::parse(version)) {
                (Some(range), Some(version)) if range.contains(&version) => "yes",
                (Some(_), Some(_)) => "no",
                _ => "err",
            };
            if answer != expected {
                wrong.push(format!("{range} with {version}: {answer} instead of {expected}"));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

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
                assert!(range.contains(&Version::parse(one).unwrap()), "{text} holds {one}");
            }
            for one in *others {
                assert!(!range.contains(&Version::parse(one).unwrap()), "{text} does not hold {one}");
            }
        }
    }

    #[test]
    fn refuses_what_helm_refuses() {
        for text in ["", "1.2.3.4", ">=latest", ">1 <2,", "a || 1", "1..2", "1.2-", &"1".repeat(300)] {
            assert!(Range::parse(text).is_none(), "{text}");
        }
    }
}
