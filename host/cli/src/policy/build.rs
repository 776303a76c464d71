//! Builds policies: Rust crates become components.
//!
//! `cargo build` for `wasm32-unknown-unknown`, because its programs import nothing, then `wit-component` turns each core
//! module into a component by the contract that the SDK's macro left in it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use wit_component::ComponentEncoder;

/// The target that policies are compiled for.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// The profile `policy`, said again for crates outside of this workspace: small, and a panic is a trap.
const PROFILE: [&str; 7] = [
    "profile.policy.inherits=\"release\"",
    "profile.policy.opt-level=3",
    "profile.policy.lto=true",
    "profile.policy.codegen-units=1",
    "profile.policy.panic=\"abort\"",
    "profile.policy.debug=false",
    "profile.policy.strip=\"debuginfo\"",
];

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
    /// No package there.
    #[error("no package found in `{}`", .0.display())]
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
pub fn build(manifest_dir: &Path, out_dir: &Path) -> Result<PathBuf, Error> {
    let built = build_all(&[manifest_dir.to_owned()], out_dir)?;
    built.into_iter().next().map(|one| one.path).ok_or_else(|| Error::NoPackage(manifest_dir.to_owned()))
}

/// Builds several policies, those of one workspace in one run of cargo, whose progress goes to stderr.
///
/// The results are in the order of the folders.
pub fn build_all(manifest_dirs: &[PathBuf], out_dir: &Path) -> Result<Vec<Built>, Error> {
    require_target()?;
    let mut workspaces: BTreeMap<PathBuf, Vec<Package>> = BTreeMap::new();
    let mut known: BTreeMap<PathBuf, (PathBuf, String)> = BTreeMap::new();
    let mut order = Vec::new();
    for directory in manifest_dirs {
        let manifest = canonical(&directory.join("Cargo.toml"))?;
        if !known.contains_key(&manifest) {
            packages(directory, &mut known)?;
        }
        let (root, name) = known.get(&manifest).cloned().ok_or_else(|| Error::NoPackage(directory.clone()))?;
        order.push(name.clone());
        workspaces.entry(root).or_default().push(Package { manifest, name });
    }
    let mut modules = BTreeMap::new();
    for (root, packages) in &workspaces {
        compile(root, packages, &mut modules)?;
    }
    std::fs::create_dir_all(out_dir).map_err(|source| Error::File { path: out_dir.to_owned(), source })?;
    order
        .into_iter()
        .map(|package| {
            let module = modules.get(&package).ok_or_else(|| Error::NoModule(package.clone()))?;
            componentize(package, module, out_dir)
        })
        .collect()
}

struct Package {
    manifest: PathBuf,
    name: String,
}

/// Asks the compiler for the target's library folder instead of waiting for a hundred lines of errors.
fn require_target() -> Result<(), Error> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let mut command = Command::new(&rustc);
    command.args(["--print", "target-libdir", "--target", TARGET]).stderr(Stdio::null());
    let output =
        command.output().map_err(|source| Error::Start { command: rustc.to_string_lossy().into_owned(), source })?;
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let has_core = std::fs::read_dir(folder).is_ok_and(|mut entries| {
        entries.any(|entry| entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("libcore-")))
    });
    if has_core { Ok(()) } else { Err(Error::NoTarget) }
}

/// The packages of the workspace around a folder: manifest → workspace root and name.
fn packages(directory: &Path, known: &mut BTreeMap<PathBuf, (PathBuf, String)>) -> Result<(), Error> {
    let mut command = cargo();
    command.args(["metadata", "--format-version", "1", "--no-deps"]).current_dir(directory);
    let output = command.output().map_err(|source| Error::Start { command: "cargo".to_owned(), source })?;
    let words = || Words(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    let failed = || Error::Cargo { command: "metadata", directory: directory.to_owned(), source: words() };
    if !output.status.success() {
        return Err(failed());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|_| failed())?;
    let root = metadata.get("workspace_root").and_then(Value::as_str).map(PathBuf::from).ok_or_else(failed)?;
    for package in metadata.get("packages").and_then(Value::as_array).into_iter().flatten() {
        let text = |key: &str| package.get(key).and_then(Value::as_str);
        if let (Some(manifest), Some(name)) = (text("manifest_path"), text("name")) {
            known.insert(canonical(Path::new(manifest))?, (root.clone(), name.to_owned()));
        }
    }
    Ok(())
}

/// Compiles packages of one workspace and notes where their modules are.
fn compile(root: &Path, packages: &[Package], modules: &mut BTreeMap<String, PathBuf>) -> Result<(), Error> {
    let mut command = cargo();
    command.args(["build", "--lib", "--target", TARGET, "--profile", "policy"]);
    command.args(["--message-format", "json-render-diagnostics"]);
    for setting in PROFILE {
        command.args(["--config", setting]);
    }
    for package in packages {
        command.args(["--package", &package.name]);
    }
    // Flags that are meant for the machine at hand, such as `-Ctarget-cpu`, break the guest.
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    command.current_dir(root).stderr(Stdio::inherit());
    let output = command.output().map_err(|source| Error::Start { command: "cargo".to_owned(), source })?;
    if !output.status.success() {
        let source = Words(output.status.to_string());
        return Err(Error::Cargo { command: "build", directory: root.to_owned(), source });
    }
    for line in output.stdout.split(|byte| *byte == b'\n') {
        let Ok(message) = serde_json::from_slice::<Value>(line) else { continue };
        if message.get("reason").and_then(Value::as_str) != Some("compiler-artifact") {
            continue;
        }
        let manifest = message.get("manifest_path").and_then(Value::as_str).map(Path::new).map(canonical);
        let Some(Ok(manifest)) = manifest else { continue };
        let files = message.get("filenames").and_then(Value::as_array).into_iter().flatten();
        let module = files.filter_map(Value::as_str).find(|file| file.ends_with(".wasm"));
        let package = packages.iter().find(|package| package.manifest == manifest);
        if let (Some(package), Some(module)) = (package, module) {
            modules.insert(package.name.clone(), PathBuf::from(module));
        }
    }
    Ok(())
}

fn componentize(package: String, module: &Path, out_dir: &Path) -> Result<Built, Error> {
    let bytes = std::fs::read(module).map_err(|source| Error::File { path: module.to_owned(), source })?;
    let component = ComponentEncoder::default()
        .validate(true)
        .module(&bytes)
        .and_then(|encoder| encoder.encode())
        .map_err(|error| Error::Encode { package: package.clone(), source: Words(format!("{error:#}")) })?;
    let name = package.strip_prefix("rhumb-policy-").unwrap_or(&package).to_owned();
    let path = out_dir.join(format!("{name}.wasm"));
    // A reader never sees half a component.
    let unfinished = out_dir.join(format!(".{name}.wasm.{}", std::process::id()));
    std::fs::write(&unfinished, &component)
        .and_then(|()| std::fs::rename(&unfinished, &path))
        .map_err(|source| Error::File { path: path.clone(), source })?;
    Ok(Built { name, path, size: component.len() })
}

fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

fn canonical(path: &Path) -> Result<PathBuf, Error> {
    path.canonicalize().map_err(|source| Error::File { path: path.to_owned(), source })
}
