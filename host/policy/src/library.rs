//! A folder of policies, `<name>.wasm` each, loaded when the first object attaches them.
//!
//! A file that changes is loaded anew, without a restart: decisions in flight end with the component that they began with.
//! While the new one is refused, or the file is gone, the last good one serves.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use rhumb_core::id::PolicyName;
use rhumb_core::policies::PolicyInfo;

use crate::{LoadError, Sandbox};

/// The folder, and what of it was loaded so far.
#[derive(Debug)]
pub struct Library {
    folder: PathBuf,
    loaded: Mutex<Loaded>,
}

#[derive(Debug, Default)]
struct Loaded {
    good: BTreeMap<PolicyName, PolicyInfo>,
    /// What each file was when it was loaded or refused.
    looked: BTreeMap<PolicyName, Option<Stamp>>,
}

/// When a file was written, and how long it is.
type Stamp = (SystemTime, u64);

/// Why a folder of policies, or one of them, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// The folder or a file in it cannot be read.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// One of its components is no policy.
    #[error("failed to load policy `{}`", path.display())]
    Load {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: LoadError,
    },
}

impl Library {
    /// Looks whether the folder is there; nothing is loaded yet.
    pub fn open(folder: &Path) -> Result<Self, LibraryError> {
        std::fs::read_dir(folder).map_err(|source| LibraryError::Read { path: folder.to_owned(), source })?;
        Ok(Self { folder: folder.to_owned(), loaded: Mutex::default() })
    }

    /// The component of a name; `None` when there is none.
    pub fn read(&self, name: &PolicyName) -> Result<Option<Vec<u8>>, LibraryError> {
        let path = self.folder.join(format!("{name}.wasm"));
        if !is_file_name(name.as_str()) || stamp(&path).is_none() {
            return Ok(None);
        }
        std::fs::read(&path).map(Some).map_err(|source| LibraryError::Read { path, source })
    }

    /// What is another one when the component of a name may be another one.
    pub fn version(&self, name: &PolicyName) -> String {
        let stamp = is_file_name(name.as_str()).then(|| stamp(&self.folder.join(format!("{name}.wasm"))));
        format!("{stamp:?}")
    }

    /// Loads those of these policies that are new or that changed. Gives what decisions see of all that are loaded, and why
    /// one that was looked at now is refused; a name without a file is no policy and no error.
    pub fn attach(
        &self,
        sandbox: &Sandbox,
        names: &BTreeSet<PolicyName>,
    ) -> (BTreeMap<PolicyName, PolicyInfo>, Vec<LibraryError>) {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let mut refused = Vec::new();
        for name in names.iter().filter(|name| is_file_name(name.as_str())) {
            let path = self.folder.join(format!("{name}.wasm"));
            let stamp = stamp(&path);
            if loaded.looked.get(name) == Some(&stamp) {
                continue;
            }
            loaded.looked.insert(name.clone(), stamp);
            if stamp.is_none() {
                continue;
            }
            match load(sandbox, path) {
                Ok(policy) => drop(loaded.good.insert(name.clone(), policy)),
                Err(error) => refused.push(error),
            }
        }
        (loaded.good.clone(), refused)
    }
}

fn load(sandbox: &Sandbox, path: PathBuf) -> Result<PolicyInfo, LibraryError> {
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(source) => return Err(LibraryError::Read { path, source }),
    };
    let loaded = sandbox.load(&bytes).map_err(|source| LibraryError::Load { path, source })?;
    Ok(loaded.info())
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// Whether a name that somebody wrote into an annotation can be that of a file in the folder, and leads nowhere else.
fn is_file_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (1..=64).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(plain)
}
