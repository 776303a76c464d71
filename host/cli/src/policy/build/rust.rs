//! Rust crates become components.
//!
//! `cargo build` for `wasm32-unknown-unknown`, because its programs import nothing, then `wit-component` turns each core
//! module into a component by the contract that the SDK's macro left in it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use wit_component::ComponentEncoder;

use super::{Built, Error, Words};

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
    "profile.policy.strip=\"symbols\"",
];

/// Builds crates, those of one workspace in one run of cargo.
pub(super) fn build_all(manifest_dirs: &[PathBuf], out_dir: &Path) -> Result<Vec<Built>, Error> {
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
    super::write(name, &component, out_dir)
}

fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

fn canonical(path: &Path) -> Result<PathBuf, Error> {
    path.canonicalize().map_err(|source| Error::File { path: path.to_owned(), source })
}
