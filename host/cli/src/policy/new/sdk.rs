//! Where a project gets the SDK for Rust from.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// Where Rhumb is developed.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

/// Where a project gets the SDK from.
#[derive(Debug)]
pub(super) enum Sdk {
    /// A folder of this machine: nothing is fetched.
    Folder(PathBuf),
    /// Rhumb's repository at the version of this program.
    Repository,
}

impl Sdk {
    /// The folder that was given, else that of the tree that this program was built in.
    pub(super) fn find(given: Option<&Path>) -> Result<Self> {
        let is_sdk = |folder: &Path| {
            let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
            manifest.contains("name = \"rhumb-guest-sdk\"")
        };
        if let Some(folder) = given {
            if !is_sdk(folder) {
                bail!("`{}` is not the SDK: it is the folder `guest-sdk` of Rhumb's repository", folder.display());
            }
            return Ok(Self::Folder(folder.canonicalize().unwrap_or_else(|_| folder.to_owned())));
        }
        let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-sdk");
        match built_in.canonicalize() {
            Ok(folder) if is_sdk(&folder) => Ok(Self::Folder(folder)),
            _ => Ok(Self::Repository),
        }
    }

    /// The right side of the line in `Cargo.toml`.
    pub(super) fn dependency(&self) -> String {
        match self {
            // A JSON text is a basic string of TOML.
            Self::Folder(folder) => format!("{{ path = {} }}", serde_json::json!(folder.to_string_lossy())),
            Self::Repository => format!("{{ git = \"{REPOSITORY}\", tag = \"v{}\" }}", env!("CARGO_PKG_VERSION")),
        }
    }

    /// The versions that the SDK was tested with and that its tree has fetched already; cargo drops what is not needed.
    pub(super) fn lock(&self) -> Option<String> {
        match self {
            Self::Folder(folder) => std::fs::read_to_string(folder.join("../Cargo.lock")).ok(),
            Self::Repository => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_toml_whatever_the_folder() {
        let line = Sdk::Folder(PathBuf::from("/a \"b\"/guest-sdk")).dependency();
        assert_eq!(line, r#"{ path = "/a \"b\"/guest-sdk" }"#);
        let line = Sdk::Repository.dependency();
        assert!(line.starts_with("{ git = \"https://github.com/rhumb-dev/rhumb\", tag = \"v0."), "{line}");
    }
}
