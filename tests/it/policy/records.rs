//! Decision records: replayed, explained, compared with another version, made into cases.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{component, copied, printed, refused};

/// Records a decision of `glob` about these tags.
fn record(folder: &Path, name: &str, tags: &str) -> String {
    fs::write(folder.join("tags.txt"), tags).unwrap();
    let glob = component("glob").to_string_lossy().into_owned();
    let config = r#"{"pattern":"dev-*"}"#;
    let run = ["run", &glob, "tags.txt", "--config", config, "--current", "dev-a", "--record", name];
    printed(folder, &run, 0);
    folder.join(name).to_string_lossy().into_owned()
}

#[test]
fn a_record_is_explained_replayed_and_becomes_a_case() {
    let (folder, glob) = copied("glob");
    let record = record(folder.path(), "one.json", "dev-a@2026-01-01T00:00:10Z dev-b@2026-01-01T00:00:20Z other");
    let explained = printed(folder.path(), &["explain", &record], 0);
    assert!(explained.contains("\nrelease  default/app\n"), "{explained}");
    assert!(
        explained.contains("about    container app, dev-a of registry.example/app; 3 tags on offer\n"),
        "{explained}"
    );
    assert!(explained.contains("outcome  pick dev-b\nreason   newest: "), "{explained}");
    let replayed = printed(folder.path(), &["replay", &record, "--component", &glob], 0);
    assert!(replayed.contains("outcome  same\nfuel     same ("), "{replayed}");
    let tested = printed(folder.path(), &["test", "--component", &glob, "--from", &record], 0);
    assert!(tested.contains("records.yaml"), "{tested}");
    let cases = fs::read_to_string(folder.path().join("cases/records.yaml")).unwrap();
    assert!(cases.contains(r#""tags":"dev-a@10 dev-b@20 other@?""#), "{cases}");
    assert!(cases.contains(r#""expect":{"outcome":"pick dev-b","code":"newest"}"#), "{cases}");
    // Once is enough.
    printed(folder.path(), &["test", "--component", &glob, "--from", &record], 0);
    assert_eq!(fs::read_to_string(folder.path().join("cases/records.yaml")).unwrap(), cases);
    let words = refused(folder.path(), &["explain", "tags.txt"]);
    assert!(words.contains("failed to read the record `tags.txt`"), "{words}");
}

#[test]
fn another_version_is_compared_on_what_was_asked() {
    let (folder, glob) = copied("glob");
    fs::create_dir(folder.path().join("records")).unwrap();
    record(folder.path(), "records/same.json", "dev-a@2026-01-01T00:00:10Z");
    record(folder.path(), "records/moves.json", "dev-a@2026-01-01T00:00:10Z dev-b@2026-01-01T00:00:20Z");
    let diff = |new: &str, code: i32| printed(folder.path(), &["diff", &glob, new, "--records", "records"], code);
    let text = diff(&glob, 0);
    assert!(text.ends_with(": 2 recorded decisions, 0 would be another\n"), "{text}");
    // Another policy altogether: it refuses the config.
    let other = component("semver").to_string_lossy().into_owned();
    let text = diff(&other, 1);
    assert!(text.contains(": 2 recorded decisions, 2 would be another\n"), "{text}");
    assert!(text.contains("\npick dev-b (newest) → no answer (bad-config): 1\n"), "{text}");
    assert!(text.contains("\nkeep-current (up-to-date) → no answer (bad-config): 1\n"), "{text}");
    let json = printed(folder.path(), &["diff", &glob, &other, "--records", "records", "--output", "json"], 1);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["compared"], &json["changes"][0]["decisions"][0]["release"]), (&2.into(), &"default/app".into()));
    let soak = component("soak").to_string_lossy().into_owned();
    let words = refused(folder.path(), &["diff", &glob, &soak, "--records", "records"]);
    assert!(words.contains("`glob` is of kind image-filter, `soak` of kind promotion-rule"), "{words}");
    let words = refused(folder.path(), &["diff", &other, &glob, "--records", "records"]);
    assert!(words.contains("no record is of `semver`"), "{words}");
}
