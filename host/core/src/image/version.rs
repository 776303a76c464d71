//! How far apart two versions are, for the evidence that promotion rules see.

use std::cmp::Ordering;

use semver::Version;

use crate::judge::Step;

/// The distance from one tag to another, where both are semantic versions with or without a leading `v`.
pub fn step(from: &str, to: &str) -> Option<Step> {
    let (from, to) = (version(from)?, version(to)?);
    if to.cmp_precedence(&from) == Ordering::Less {
        return Some(Step::Backwards);
    }
    Some(if from.major != to.major {
        Step::Major
    } else if from.minor != to.minor {
        Step::Minor
    } else if from.patch != to.patch {
        Step::Patch
    } else if from.pre != to.pre {
        Step::PreRelease
    } else if from.build != to.build {
        Step::Build
    } else {
        Step::None
    })
}

/// A version whose minor and patch may be left out. Which versions are wanted is for policies to say.
fn version(text: &str) -> Option<Version> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let end = text.find(['-', '+']).unwrap_or(text.len());
    let (numbers, rest) = text.split_at(end);
    let missing = 2_usize.checked_sub(numbers.matches('.').count())?;
    Version::parse(&format!("{numbers}{}{rest}", ".0".repeat(missing))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_largest_difference() {
        for (from, to, expected) in [
            ("0.4.10", "0.4.11", Some(Step::Patch)),
            ("v1.2.3", "1.3.0", Some(Step::Minor)),
            ("1.2", "2", Some(Step::Major)),
            ("1.0.0-rc.2", "1.0.0-rc.10", Some(Step::PreRelease)),
            ("1.0.0", "1.0.0-rc.1", Some(Step::Backwards)),
            ("1.0.0+a", "1.0.0+b", Some(Step::Build)),
            ("0.4.11", "0.4.10", Some(Step::Backwards)),
            ("1.0.0", "1.0.0", Some(Step::None)),
            ("dev-a", "dev-b", None),
            ("1.2.3.4", "1.2.3", None),
        ] {
            assert_eq!(step(from, to), expected, "{from} → {to}");
        }
    }
}
