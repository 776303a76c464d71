//! Builds policies into components.
//!
//! A folder's language is known by its manifest: `Cargo.toml` is Rust.

mod rust;

use std::fmt;
use std::path::{Path, PathBuf};

pub use rust::TARGET;

/// A component that was built.
#[derive(Clone, Debug)]
pub struct Built {
    /// Name of the file without extension: the package's without `rhumb-policy-`.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Size in bytes.
    pub size: usize,
}

impl fmt::Display for Built {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} KiB)", self.path.display(), self.size.div_ceil(1024))
    }
}

/// Why a policy could not be built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The compiler has no standard library for wasm.
    #[error("failed to build policies: the target `{TARGET}` is not installed; run `rustup target add {TARGET}`")]
    NoTarget,
    /// Cargo could not be started.
    #[error("failed to start `{command}`")]
    Start {
        /// What was started.
        command: String,
        /// Why it was not.
        #[source]
        source: std::io::Error,
    },
    /// Cargo said no; it has said why on stderr.
    #[error("`cargo {command}` failed for `{}`", directory.display())]
    Cargo {
        /// Its first argument.
        command: &'static str,
        /// Where.
        directory: PathBuf,
        /// Its last words; empty when it wrote them itself.
        #[source]
        source: Words,
    },
    /// No policy there.
    #[error("no policy found in `{}`", .0.display())]
    NoPackage(PathBuf),
    /// The package makes no dynamic library, so there is no module.
    #[error("package `{0}` makes no wasm module; its `[lib]` needs `crate-type = [\"cdylib\", \"rlib\"]`")]
    NoModule(String),
    /// The module is no component.
    #[error("failed to make a component of `{package}`; does it call `export_policy!`?")]
    Encode {
        /// The package.
        package: String,
        /// What the encoder says.
        #[source]
        source: Words,
    },
    /// A file could not be read or written.
    #[error("failed to access `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Words of a tool, as an error of their own.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Words(String);

/// Builds one policy and writes `<out_dir>/<name>.wasm`.
pub fn build(folder: &Path, out_dir: &Path) -> Result<PathBuf, Error> {
    let built = build_all(&[folder.to_owned()], out_dir)?;
    built.into_iter().next().map(|one| one.path).ok_or_else(|| Error::NoPackage(folder.to_owned()))
}

/// Builds several policies; those of one cargo workspace in one run of cargo, whose progress goes to stderr.
///
/// The results are in the order of the folders.
pub fn build_all(folders: &[PathBuf], out_dir: &Path) -> Result<Vec<Built>, Error> {
    std::fs::create_dir_all(out_dir).map_err(|source| Error::File { path: out_dir.to_owned(), source })?;
    rust::build_all(folders, out_dir)
}

/// Writes a component as a whole: a reader never sees half of it.
fn write(name: String, component: &[u8], out_dir: &Path) -> Result<Built, Error> {
    let path = out_dir.join(format!("{name}.wasm"));
    let unfinished = out_dir.join(format!(".{name}.wasm.{}", std::process::id()));
    std::fs::write(&unfinished, component)
        .and_then(|()| std::fs::rename(&unfinished, &path))
        .map_err(|source| Error::File { path: path.clone(), source })?;
    Ok(Built { name, path, size: component.len() })
}
