//! The components that a verb is about: built for it, or given.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use super::build::build_all;

/// Components of some folders, in their order. Those that were built for this are gone with it.
#[derive(Debug)]
pub(super) struct Components {
    pub(super) paths: Vec<PathBuf>,
    _folder: Option<TempDir>,
}

/// Builds the policies of these folders, unless the component of the only one is given.
pub(super) fn components(folders: &[PathBuf], given: Option<&Path>) -> Result<Components> {
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
