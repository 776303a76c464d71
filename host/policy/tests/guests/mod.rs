//! Components for the tests, built once per process from the policies of this repository.

#[path = "../../../cli/src/policy/build/mod.rs"]
#[allow(dead_code, unreachable_pub, unused_imports, reason = "the command uses what the tests do not")]
mod build;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

/// The shipped policies: every folder of `policies/`.
pub(crate) fn shipped() -> Vec<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../policies");
    let entries = std::fs::read_dir(folder).expect("policies/ is there").map(|entry| entry.expect("it can be read"));
    let folders = entries.filter(|entry| entry.path().is_dir());
    folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// The folder of a shipped policy or of a hostile example.
pub(crate) fn folder(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shipped = root.join("policies").join(name);
    if shipped.is_dir() { shipped } else { root.join("examples/bad-policies").join(name) }
}

/// The component of a shipped policy or of a hostile example.
pub(crate) fn component(name: &str) -> &'static [u8] {
    static BUILT: OnceLock<BTreeMap<String, Vec<u8>>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let folders: Vec<PathBuf> =
            shipped().iter().map(String::as_str).chain(["endless", "liar"]).map(folder).collect();
        let out = tempfile::tempdir().expect("a folder for components");
        let built = build::build_all(&folders, out.path()).unwrap_or_else(|error| panic!("{error}: {error:?}"));
        built.into_iter().map(|one| (one.name, std::fs::read(one.path).expect("it was built"))).collect()
    });
    built.get(name).unwrap_or_else(|| panic!("no component {name}"))
}
