//! `rhumb policy lock`: keeps the fuel of each case beside the cases, so that more shows in the tests.
//!
//! Fuel is the same on every machine, so a file of it can be compared where a time could not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use rhumb_policy::cases::{self, Outcomes};
use rhumb_policy::{EngineProfile, Loaded, Sandbox};
use serde::{Deserialize, Serialize};

use super::{Printed, components::each, suite};
use crate::table::Table;

/// The file, in the policy's folder.
const FILE: &str = "fuel.lock";
/// How much more a case may take, in percent.
const MORE: u64 = 10;

/// Options of `rhumb policy lock`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Folder of a policy
    #[arg(default_value = ".")]
    folders: Vec<PathBuf>,
    /// Component to run instead of building
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
}

/// What each case took.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FuelLock {
    /// What counted.
    engine: EngineProfile,
    /// By file and name of the case.
    fuel: BTreeMap<String, BTreeMap<String, u64>>,
}

/// How the fuel of the cases was compared.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Compared {
    /// Whether another engine made the file, so that nothing was.
    pub(super) other_engine: bool,
    /// Cases that are not in it.
    pub(super) unknown: usize,
}

/// Runs the cases and writes what they took.
pub fn run(arguments: &Arguments) -> Result<Printed> {
    let rows = each((&arguments.folders, arguments.component.as_deref()), lock)?;
    let mut table = Table::new(&["POLICY", "CASES", "MOST FUEL", "FILE"]);
    for row in rows {
        table.row(row);
    }
    Ok(Printed { text: table.print(""), success: true })
}

/// Runs the cases of one policy, writes what they took, and says so in a row.
fn lock(sandbox: &Sandbox, policy: &Loaded, folder: &Path) -> Result<[String; 4]> {
    let mut lock = FuelLock { engine: sandbox.profile().clone(), fuel: BTreeMap::new() };
    for suite in suite::files(folder)? {
        let there = lock.fuel.entry(suite.name()).or_default();
        for outcomes in cases::run(sandbox, policy, &suite.file) {
            let most = there.entry(outcomes.name).or_default();
            *most = outcomes.fuel.max(*most);
        }
    }
    let all = || lock.fuel.values().flat_map(BTreeMap::values);
    let (count, most) = (all().count().to_string(), all().max().copied().unwrap_or_default().to_string());
    let path = suite::below(folder, FILE);
    let written = std::fs::write(&path, super::json(&lock)?);
    written.with_context(|| format!("failed to write `{}`", path.display()))?;
    Ok([policy.name.clone(), count, most, path.display().to_string()])
}

impl FuelLock {
    /// The file of a folder, where there is one.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>> {
        let path = suite::below(folder, FILE);
        if !path.exists() {
            return Ok(None);
        }
        let text = super::read(&path)?;
        let lock = serde_json::from_slice(&text);
        lock.map(Some)
            .with_context(|| format!("failed to read `{}`; `rhumb policy lock` writes it anew", path.display()))
    }

    /// Notes with each case that it takes too much.
    pub(super) fn compare(&self, engine: &EngineProfile, file: &str, cases: &mut [Outcomes], compared: &mut Compared) {
        if *engine != self.engine {
            compared.other_engine = true;
            return;
        }
        let known = self.fuel.get(file);
        for case in cases {
            match known.and_then(|known| known.get(&case.name)) {
                None => compared.unknown += 1,
                Some(locked) => case.wrong.extend(too_much(*locked, case.fuel)),
            }
        }
    }
}

fn too_much(locked: u64, fuel: u64) -> Option<String> {
    let allowed = locked.saturating_add(locked.saturating_mul(MORE) / 100);
    (fuel > allowed).then(|| {
        let percent = fuel.saturating_sub(locked).saturating_mul(100) / locked.max(1);
        format!("takes {fuel} fuel, {percent} % more than the {locked} of `{FILE}`; allowed are {MORE} %")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_more_is_allowed() {
        assert_eq!(too_much(1000, 1100), None);
        assert_eq!(too_much(1000, 10), None);
        assert_eq!(
            too_much(1000, 1101).as_deref(),
            Some("takes 1101 fuel, 10 % more than the 1000 of `fuel.lock`; allowed are 10 %")
        );
        assert!(too_much(0, 1).is_some());
    }
}
