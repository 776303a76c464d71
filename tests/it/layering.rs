//! The arrows of `host/ARCHITECTURE.md`, held against what cargo says: any other edge between our crates fails, and so
//! does a crate that can reach the outside in one that may not.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

/// Which of our crates each may depend on. What is not here may depend on none.
const ARROWS: &[(&str, &[&str])] = &[
    ("rhumb-yaml", &[]),
    ("rhumb-core", &["rhumb-yaml"]),
    ("rhumb-helm", &["rhumb-yaml"]),
    ("rhumb-policy", &["rhumb-core", "rhumb-cases"]),
    ("rhumb-io", &["rhumb-core", "rhumb-helm", "rhumb-yaml"]),
    ("rhumb-sim", &[]),
    ("rhumb-daemon", &["rhumb-core", "rhumb-helm", "rhumb-policy", "rhumb-io", "rhumb-yaml"]),
    ("rhumb-cli", &["rhumb-core", "rhumb-helm", "rhumb-policy", "rhumb-io", "rhumb-yaml", "rhumb-daemon", "rhumb-sim"]),
    ("rhumb-guest-sdk-macros", &[]),
    ("rhumb-cases", &["rhumb-yaml"]),
    ("rhumb-guest-sdk", &["rhumb-guest-sdk-macros", "rhumb-cases"]),
    ("xtask", &[]),
];

/// Crates that open a socket, a file, a process or a clock; `rhumb-core`, `rhumb-helm` and `rhumb-yaml` list none.
const OUTSIDE: &[&str] = &[
    "tokio",
    "reqwest",
    "hyper",
    "axum",
    "kube",
    "k8s-openapi",
    "git2",
    "gix",
    "cap-std",
    "redb",
    "wasmtime",
    "tracing",
    "async-std",
    "mio",
    "socket2",
    "tempfile",
    "notify",
    "chrono",
    "time",
];

/// Crates with one owner: nobody else may use them.
const OWNED: &[(&str, &[&str])] =
    &[("wasmtime", &["rhumb-policy"]), ("git2", &["rhumb-io", "rhumb-sim"]), ("redb", &["rhumb-io"])];

#[test]
fn crates_depend_only_along_the_arrows() {
    let mut wrong = Vec::new();
    for package in workspace() {
        let name = package.name.as_str();
        let allowed: BTreeSet<&str> = match arrows().get(name) {
            Some(allowed) => allowed.iter().copied().collect(),
            // Policies and examples stand on the SDK alone; the harness may look at everything.
            None if name.starts_with("rhumb-policy-") => ["rhumb-guest-sdk"].into(),
            None if name == "rhumb-tests" => continue,
            None => panic!("`{name}` is new: give it a row in ARROWS and in host/ARCHITECTURE.md"),
        };
        for dependency in ours(&package) {
            if !allowed.contains(dependency.as_str()) {
                wrong.push(format!("{name} → {dependency}"));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that host/ARCHITECTURE.md does not draw: {wrong:?}");
}

#[test]
fn pure_crates_list_nothing_that_reaches_outside() {
    for package in workspace() {
        if ["rhumb-core", "rhumb-helm", "rhumb-yaml"].contains(&package.name.as_str()) {
            let reaching: Vec<&str> =
                normal(&package).filter(|name| OUTSIDE.contains(&name.as_str())).map(|name| leak(name)).collect();
            assert!(reaching.is_empty(), "{} lists {reaching:?}", package.name);
        }
    }
}

#[test]
fn each_heavy_crate_has_its_owner() {
    for package in workspace() {
        for dependency in normal(&package) {
            if let Some((_, owners)) = OWNED.iter().find(|(name, _)| *name == dependency) {
                assert!(owners.contains(&package.name.as_str()), "{} may not use {dependency}", package.name);
            }
        }
    }
}

fn arrows() -> BTreeMap<&'static str, &'static [&'static str]> {
    ARROWS.iter().copied().collect()
}

fn workspace() -> Vec<Package> {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata runs in the workspace");
    metadata.packages
}

fn normal(package: &Package) -> impl Iterator<Item = String> + '_ {
    let dependencies = package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
    dependencies.map(|dependency| dependency.name.clone())
}

fn ours(package: &Package) -> BTreeSet<String> {
    normal(package).filter(|name| name.starts_with("rhumb-") || name == "xtask").collect()
}

fn leak(name: String) -> &'static str {
    Box::leak(name.into_boxed_str())
}
