//! The case files of a policy's folder.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rhumb_policy::cases::{self, File};

/// One case file.
pub(super) struct Suite {
    /// Relative to where the command runs.
    pub(super) path: PathBuf,
    /// As it stands there.
    pub(super) text: String,
    pub(super) file: File,
}

impl Suite {
    /// Name of the file.
    pub(super) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// The files in `cases`, by name.
pub(super) fn files(folder: &Path) -> Result<Vec<Suite>> {
    let read = |path: PathBuf| {
        let text = String::from_utf8_lossy(&super::read(&path)?).into_owned();
        let file = File::parse(&text).with_context(|| format!("failed to use `{}`", path.display()))?;
        Ok(Suite { path, text, file })
    };
    cases::paths(&below(folder, "cases"))?.into_iter().map(read).collect()
}

/// A file of a folder, named as a person would.
pub(super) fn below(folder: &Path, name: &str) -> PathBuf {
    if folder == Path::new(".") { PathBuf::from(name) } else { folder.join(name) }
}
