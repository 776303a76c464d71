//! The components that a verb is about: built for it, or given.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use rhumb_policy::{Loaded, Sandbox};
use tempfile::TempDir;

use super::build::build_all;

/// Components of some folders, in their order. Those that were built for this are gone with it.
#[derive(Debug)]
struct Components {
    paths: Vec<PathBuf>,
    _folder: Option<TempDir>,
}

/// Has something done with the policy of each folder, in their order, in one sandbox.
pub(super) fn each<R>(
    (folders, given): (&[PathBuf], Option<&Path>),
    act: impl Fn(&Sandbox, &Loaded, &Path) -> Result<R>,
) -> Result<Vec<R>> {
    let built = components(folders, given)?;
    let sandbox = super::sandbox()?;
    let policies = folders.iter().zip(&built.paths);
    policies.map(|(folder, component)| act(&sandbox, &super::load(&sandbox, component)?, folder)).collect()
}

/// Builds the policies of these folders, unless the component of the only one is given.
fn components(folders: &[PathBuf], given: Option<&Path>) -> Result<Components> {
    if let Some(component) = given {
        if folders.len() != 1 {
            bail!("`--component` is of one policy; name one folder");
        }
        return Ok(Components { paths: vec![component.to_owned()], _folder: None });
    }
    let folder = tempfile::tempdir().context("failed to make a folder for components")?;
    let paths = build_all(folders, folder.path())?.into_iter().map(|built| built.path).collect();
    Ok(Components { paths, _folder: Some(folder) })
}
