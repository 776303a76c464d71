//! Components for the tests, built once per process from the policies of this repository.

#[path = "../../../cli/src/policy/build.rs"]
#[allow(dead_code, unreachable_pub, reason = "the command uses what the tests do not")]
mod build;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

/// The shipped policies.
pub(crate) const SHIPPED: [&str; 5] = ["glob", "regexp", "semver", "soak", "env-sizing"];

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
        let folders: Vec<PathBuf> = SHIPPED.into_iter().chain(["endless", "liar"]).map(folder).collect();
        let out = tempfile::tempdir().expect("a folder for components");
        let built = build::build_all(&folders, out.path()).unwrap_or_else(|error| panic!("{error}: {error:?}"));
        built.into_iter().map(|one| (one.name, std::fs::read(one.path).expect("it was built"))).collect()
    });
    built.get(name).unwrap_or_else(|| panic!("no component {name}"))
}
