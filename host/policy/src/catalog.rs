//! Policies by name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rhumb_core::evidence::Part;
use rhumb_core::id::{Digest, PolicyName};
use rhumb_core::images;
use rhumb_core::judge::Kind;

use crate::{Describe, LoadError, Sandbox, Wants};

/// Names and what they stand for.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    policies: BTreeMap<PolicyName, PolicyInfo>,
}

/// What a name stands for.
#[derive(Clone, Debug)]
pub struct PolicyInfo {
    /// The component that answers.
    pub component: Digest,
    /// What it decides about.
    pub kind: Kind,
    /// Its version.
    pub version: String,
    /// Which data it needs.
    pub wants: Wants,
    /// All that it says about itself.
    pub describe: Describe,
}

/// Why a folder of policies could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
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

impl Catalog {
    /// Loads every `<name>.wasm` of a folder under its name. One that is refused is named and left out.
    pub fn from_dir(sandbox: &Sandbox, folder: &Path) -> Result<(Self, Vec<CatalogError>), CatalogError> {
        let read = |path: &Path| {
            let path = path.to_owned();
            move |source| CatalogError::Read { path, source }
        };
        let (mut catalog, mut refused) = (Self::default(), Vec::new());
        for entry in std::fs::read_dir(folder).map_err(read(folder))? {
            let path = entry.map_err(read(folder))?.path();
            let name = path.file_stem().and_then(|stem| stem.to_str()).map(PolicyName::from);
            let (Some(name), Some("wasm")) = (name, path.extension().and_then(|extension| extension.to_str())) else {
                continue;
            };
            let bytes = std::fs::read(&path).map_err(read(&path))?;
            if let Err(source) = catalog.add(sandbox, name, &bytes) {
                refused.push(CatalogError::Load { path, source });
            }
        }
        Ok((catalog, refused))
    }

    /// Loads a component under a name; what had the name before is forgotten.
    pub fn add(&mut self, sandbox: &Sandbox, name: PolicyName, bytes: &[u8]) -> Result<PolicyInfo, LoadError> {
        let loaded = sandbox.load(bytes)?;
        let info = PolicyInfo {
            component: loaded.digest,
            kind: loaded.kind,
            version: loaded.version,
            wants: loaded.describe.wants.clone(),
            describe: loaded.describe,
        };
        self.policies.insert(name, info.clone());
        Ok(info)
    }

    /// What this name stands for; for an unknown one the question's failure is `Failure::Unavailable`.
    pub fn get(&self, name: &PolicyName) -> Option<&PolicyInfo> {
        self.policies.get(name)
    }

    /// What decisions see of each policy.
    pub fn known(&self) -> BTreeMap<PolicyName, images::PolicyInfo> {
        let info = |policy: &PolicyInfo| images::PolicyInfo {
            component: policy.component.clone(),
            kind: policy.kind,
            wants_metadata: policy.wants.metadata(),
            evidence: Part::among(&policy.wants.evidence),
        };
        self.policies.iter().map(|(name, policy)| (name.clone(), info(policy))).collect()
    }
}
