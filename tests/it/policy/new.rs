//! New policies: made, built, tested, checked, measured.

use std::process::Command;

use rhumb_tests::root;

use super::{policy, printed, refused};

#[test]
fn a_new_policy_in_rust_passes_its_own_tests() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for (name, kind, word) in [
        ("highest", "filter", "image filter"),
        ("calm", "promotion", "promotion rule"),
        ("labels", "transform", "value transform"),
    ] {
        let made = printed(at, &["new", name, "--kind", kind], 0);
        assert!(made.starts_with(&format!("{name}/Cargo.toml\n{name}/src/lib.rs\n")), "{made}");
        assert!(
            made.ends_with(&format!(
                "the kind {word} that passes its tests. Next:\n  cd {name}\n  rhumb policy test\n"
            )),
            "{made}"
        );
        let own = at.join(name);
        let tested = printed(&own, &["test", "--min-coverage", "100"], 0);
        assert!(tested.ends_with(" cases, 0 failed\n") && tested.contains(&format!("{name}.yaml")), "{tested}");
        assert!(!tested.contains("no case has"), "every setting is shown:\n{tested}");
        let checked = printed(&own, &["check", "--tries", "100"], 0);
        assert!(
            checked.contains("  answers ") && checked.contains("  order ") && !checked.contains("broken"),
            "{checked}"
        );
    }
    let own = at.join("highest");
    let inspected = {
        printed(&own, &["build"], 0);
        printed(&own, &["inspect", "target/policies/highest.wasm"], 0)
    };
    assert!(inspected.starts_with("name      highest 0.1.0\nkind      image-filter\n"), "{inspected}");
    // The same cases natively.
    let mut cargo = Command::new("cargo");
    cargo.args(["test", "--quiet", "--offline"]).current_dir(&own);
    let native = cargo.env("CARGO_TARGET_DIR", root().join("target/new-policies")).output().unwrap();
    assert!(native.status.success(), "{}", String::from_utf8_lossy(&native.stderr));
}

#[test]
fn the_commands_that_a_new_project_names_are_there() {
    let folder = tempfile::tempdir().unwrap();
    printed(folder.path(), &["new", "highest", "--kind", "filter"], 0);
    let readme = std::fs::read_to_string(folder.path().join("highest/README.md")).unwrap();
    let verbs = readme.lines().filter_map(|line| line.strip_prefix("$ rhumb policy ")?.split(' ').next());
    let verbs: Vec<&str> = verbs.collect();
    assert!(verbs.len() >= 8, "{readme}");
    for verb in verbs {
        let help = policy(folder.path(), &[verb, "--help"]).output().unwrap();
        assert!(help.status.success(), "{verb}");
    }
    assert!(!readme.contains('{') || readme.contains("rhumb.dev/config.highest: '{\"prefix\""), "{readme}");
}

#[test]
fn names_and_folders_that_cannot_be_used_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for name in ["Upper", "1st", "a_b", "end-", ""] {
        let words = refused(at, &["new", name, "--kind", "filter"]);
        assert!(words.contains(&format!("`{name}` is no name for a policy")), "{words}");
    }
    std::fs::create_dir_all(at.join("there/x")).unwrap();
    let words = refused(at, &["new", "there", "--kind", "filter"]);
    assert!(words.contains("`there` is there already and not empty"), "{words}");
    let words = refused(at, &["new", "mine", "--kind", "filter", "--sdk", "there"]);
    assert!(words.contains("`there` is not the SDK"), "{words}");
    assert!(!at.join("mine").exists());
    let words = refused(at, &["test", "there"]);
    assert!(words.contains("there"), "{words}");
}
