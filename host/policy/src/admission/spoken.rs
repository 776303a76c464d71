//! Which kind of policy a component is, and of which version of the contract, by the names of its exports.
//!
//! The rules are those of `wit/README.md`: a host takes every patch of the minors that it knows.

use rhumb_core::judge::Kind;

use crate::contract::{PACKAGE, VERSION};
use crate::error::LoadError;

/// Each has a world of its own.
const KINDS: [Kind; 3] = [Kind::ImageFilter, Kind::PromotionRule, Kind::ValueTransform];

/// What the exports of a component say.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Spoken {
    pub(super) kind: Kind,
    /// The contract that it was built for, such as `rhumb:policy@0.1.0`.
    pub(super) contract: String,
}

impl Spoken {
    /// Reads them as this host does.
    pub(super) fn by(exports: &[String]) -> Result<Self, LoadError> {
        Self::to(exports, VERSION)
    }

    /// Reads them as a host of this version of the contract does.
    fn to(exports: &[String], speaks: &'static str) -> Result<Self, LoadError> {
        let ours = |interface: &str| exports.iter().find_map(|export| version_of(export, interface));
        let Some(version) = ours("meta") else { return Err(wrong_world(exports, speaks)) };
        // Before the functions are looked for: another minor may have others.
        if !is_patch_of(version, speaks) {
            return Err(LoadError::OtherContract { has: version.to_owned(), speaks });
        }
        let mut found = KINDS.into_iter().filter(|kind| ours(kind.as_str()) == Some(version));
        match (found.next(), found.next()) {
            (Some(kind), None) => Ok(Self { kind, contract: format!("{PACKAGE}@{version}") }),
            _ => Err(wrong_world(exports, speaks)),
        }
    }
}

/// The version of an export that is this interface of ours.
fn version_of<'a>(export: &'a str, interface: &str) -> Option<&'a str> {
    let (name, version) = export.split_once('@')?;
    let ours = name.strip_prefix(PACKAGE)?.strip_prefix('/')? == interface;
    ours.then_some(version)
}

/// Whether components of this version run on a host of that one: the same minor, any patch.
fn is_patch_of(version: &str, speaks: &str) -> bool {
    let numbers = |text: &str| text.split('.').map(str::parse).collect::<Result<Vec<u32>, _>>().ok();
    match (numbers(version).as_deref(), numbers(speaks).as_deref()) {
        (Some([major, minor, _]), Some([ours_major, ours_minor, _])) => (major, minor) == (ours_major, ours_minor),
        _ => false,
    }
}

fn wrong_world(exports: &[String], speaks: &str) -> LoadError {
    let has = if exports.is_empty() { "nothing".to_owned() } else { exports.join(", ") };
    let needs = KINDS.map(|kind| format!("{PACKAGE}/{kind}@{speaks}", kind = kind.as_str())).join(", ");
    LoadError::WrongWorld { has, needs: format!("{PACKAGE}/meta@{speaks} and exactly one of {needs}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(version: &str) -> Vec<String> {
        ["meta", "image-filter"].map(|interface| format!("{PACKAGE}/{interface}@{version}")).to_vec()
    }

    #[test]
    fn what_was_built_for_the_frozen_contract_runs_on_a_host_of_a_later_one() {
        for (built, speaks) in [("0.1.0", "0.1.0"), ("0.1.0", "0.1.1"), ("0.1.1", "0.1.0"), ("0.1.12", "0.1.9")] {
            let expected = Spoken { kind: Kind::ImageFilter, contract: format!("{PACKAGE}@{built}") };
            assert_eq!(Spoken::to(&filter(built), speaks).unwrap(), expected, "{built} on {speaks}");
        }
    }

    #[test]
    fn another_minor_is_refused_with_both_versions() {
        for (built, speaks) in [("0.2.0", "0.1.0"), ("0.1.0", "0.2.0"), ("1.1.0", "0.1.0"), ("0.1.0-rc.1", "0.1.0")] {
            let text = Spoken::to(&filter(built), speaks).unwrap_err().to_string();
            assert!(text.contains(&format!("@{built}")) && text.contains(&format!("@{speaks}")), "{text}");
        }
    }

    #[test]
    fn no_world_or_two_are_refused() {
        let both = [filter("0.1.0"), vec![format!("{PACKAGE}/promotion-rule@0.1.0")]].concat();
        let mixed = vec![format!("{PACKAGE}/meta@0.1.0"), format!("{PACKAGE}/image-filter@0.1.1")];
        for exports in [vec![], vec!["wasi:cli/run@0.2.0".to_owned()], both, mixed, filter("0.1.0")[..1].to_vec()] {
            let refused = Spoken::to(&exports, "0.1.0");
            assert!(matches!(refused, Err(LoadError::WrongWorld { .. })), "{exports:?}: {refused:?}");
        }
    }
}
