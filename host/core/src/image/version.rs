//! How far apart two versions are, for the evidence that promotion rules see.

use crate::judge::Step;

/// The distance from one tag to another, where both are semantic versions with or without a leading `v`.
pub fn step(from: &str, to: &str) -> Option<Step> {
    let (from, to) = (Version::parse(from)?, Version::parse(to)?);
    if (to.numbers, to.rank()) < (from.numbers, from.rank()) {
        return Some(Step::Backwards);
    }
    let ([from_major, from_minor, from_patch], [major, minor, patch]) = (from.numbers, to.numbers);
    Some(if from_major != major {
        Step::Major
    } else if from_minor != minor {
        Step::Minor
    } else if from_patch != patch {
        Step::Patch
    } else if from.pre_release != to.pre_release {
        Step::PreRelease
    } else if from.build != to.build {
        Step::Build
    } else {
        Step::None
    })
}

/// Just enough of a semantic version to name a distance; which versions are wanted is for policies to say.
struct Version<'a> {
    numbers: [u64; 3],
    pre_release: Option<&'a str>,
    build: Option<&'a str>,
}

impl<'a> Version<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
        let (text, pre_release) = text.split_once('-').map_or((text, None), |(text, pre)| (text, Some(pre)));
        let mut numbers = [0; 3];
        let mut parts = text.split('.');
        for number in &mut numbers {
            *number = match parts.next() {
                Some(part) => part.parse().ok()?,
                None => 0,
            };
        }
        parts.next().is_none().then_some(Self { numbers, pre_release, build })
    }

    /// Orders pre-releases before the release; among pre-releases by identifier as SemVer 2.0.0 section 11 says.
    fn rank(&self) -> (bool, Vec<Identifier<'a>>) {
        let identifiers = self.pre_release.map(|pre| pre.split('.').map(Identifier::parse).collect());
        (self.pre_release.is_none(), identifiers.unwrap_or_default())
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Identifier<'a> {
    Number(u64),
    Text(&'a str),
}

impl<'a> Identifier<'a> {
    fn parse(text: &'a str) -> Self {
        text.parse().map_or(Self::Text(text), Self::Number)
    }
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
