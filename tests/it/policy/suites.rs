//! Case files, properties, fuel: the outputs word by word.

use std::fs;

use serde_json::Value;

use super::{copied, printed, refused};

/// One case that passes and one that does not.
const TWO: &str = "cases:\n  - {name: right & <good>, config: {pattern: dev-*}, tags: dev-a, current: dev-a, expect: {outcome: keep-current}}\n  \
    - {name: 'wrong #1', config: {pattern: dev-*}, tags: dev-a@1 dev-b@2, current: dev-a, expect: {outcome: pick dev-a}}\n";

fn two() -> (tempfile::TempDir, String) {
    let (folder, component) = copied("glob");
    fs::remove_dir_all(folder.path().join("cases")).unwrap();
    fs::create_dir(folder.path().join("cases")).unwrap();
    fs::write(folder.path().join("cases/two.yaml"), TWO).unwrap();
    (folder, component)
}

#[test]
fn a_table_says_what_failed_and_what_is_not_shown() {
    let (folder, component) = two();
    let text = printed(folder.path(), &["test", "--component", &component], 1);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "POLICY  FILE      CASES  FAILED  MOST FUEL");
    assert!(lines[1].starts_with("glob    two.yaml  2      1       "), "{text}");
    assert_eq!(lines[3], "glob two.yaml: wrong #1");
    assert_eq!(lines[4], "  expected outcome `pick dev-a`, got `pick dev-b`");
    assert!(
        text.contains("glob: the cases show 37 % of the reason codes, not current-unknown, metadata-incomplete"),
        "{text}"
    );
    assert!(text.ends_with("\n2 cases, 1 failed\n"), "{text}");
    let update = printed(folder.path(), &["test", "--component", &component, "--update"], 0);
    assert!(update.contains("`cases/two.yaml` now expects what came"), "{update}");
    let new = fs::read_to_string(folder.path().join("cases/two.yaml")).unwrap();
    assert!(new.contains("right & <good>") && new.contains(r#""outcome":"pick dev-b""#), "{new}");
    printed(folder.path(), &["test", "--component", &component], 0);
    let few = printed(folder.path(), &["test", "--component", &component, "--min-coverage", "90"], 1);
    assert!(few.contains("glob: that is less than the 90 % wanted"), "{few}");
}

#[test]
fn machines_read_the_same_results() {
    let (folder, component) = two();
    let output = |format: &str| printed(folder.path(), &["test", "--component", &component, "--output", format], 1);
    let json: Value = serde_json::from_str(&output("json")).unwrap();
    let file = &json[0]["files"][0];
    assert_eq!(
        (&json[0]["policy"], &file["file"], &file["updated"]),
        (&"glob".into(), &"two.yaml".into(), &false.into())
    );
    assert_eq!(file["cases"][0]["wrong"], serde_json::json!([]));
    assert_eq!(file["cases"][1]["wrong"][0], "expected outcome `pick dev-a`, got `pick dev-b`");
    assert_eq!(file["cases"][1]["place"], "/cases/1");
    assert!(file["cases"][0]["fuel"].as_u64().unwrap() > 1000);
    assert!(json[0]["coverage"]["missingCodes"].as_array().unwrap().contains(&"no-match".into()));

    let tap = output("tap");
    assert_eq!(
        tap,
        "TAP version 14\n1..2\nok 1 - glob two.yaml: right & <good>\nnot ok 2 - glob two.yaml: wrong \\#1\n  ---\n  \
         message: \"expected outcome `pick dev-a`, got `pick dev-b`\"\n  ...\n"
    );

    let junit = output("junit");
    assert!(junit.contains("<testsuite name=\"glob two.yaml\" tests=\"2\" failures=\"1\">"), "{junit}");
    assert!(junit.contains("name=\"right &amp; &lt;good&gt;\""), "{junit}");
    assert_eq!(well_formed(&junit), ["testsuites", "testsuite", "testcase", "testcase", "failure"]);

    let sarif: Value = serde_json::from_str(&output("sarif")).unwrap();
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!((&sarif["version"], &result["ruleId"]), (&"2.1.0".into(), &"case-failed".into()));
    assert_eq!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "cases/two.yaml");
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), 1);
}

/// Names of the elements in order; panics where the text is not well-formed.
fn well_formed(xml: &str) -> Vec<String> {
    let (mut open, mut seen, mut rest) = (Vec::new(), Vec::new(), xml);
    while let Some((text, after)) = rest.split_once('<') {
        assert!(!text.contains('>') && text.matches('&').count() == text.matches(';').count(), "{text}");
        let (tag, after) = after.split_once('>').expect("a tag ends");
        assert!(tag.matches('"').count() % 2 == 0, "{tag}");
        rest = after;
        if tag.starts_with('?') {
            continue;
        }
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop().as_deref(), Some(name)),
            None => {
                let name = tag.split([' ', '/']).next().unwrap().to_owned();
                seen.push(name.clone());
                if !tag.ends_with('/') {
                    open.push(name);
                }
            }
        }
    }
    assert!(open.is_empty(), "{open:?} are not closed");
    seen
}

#[test]
fn more_fuel_than_was_locked_fails_with_a_line() {
    let (folder, component) = copied("glob");
    let locked = printed(folder.path(), &["lock", "--component", &component], 0);
    assert!(
        locked.starts_with("POLICY  CASES  MOST FUEL  FILE\nglob    ") && locked.contains("  fuel.lock\n"),
        "{locked}"
    );
    printed(folder.path(), &["test", "--component", &component], 0);
    let path = folder.path().join("fuel.lock");
    let mut lock: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let of_file = lock["fuel"]["examples.json"].as_object_mut().unwrap();
    let name = "the newest image that matches";
    let fuel = of_file[name].as_u64().unwrap();
    of_file.insert(name.to_owned(), (fuel / 2).into());
    of_file.shift_remove("nothing matches");
    fs::write(&path, lock.to_string()).unwrap();
    let text = printed(folder.path(), &["test", "--component", &component], 1);
    let line = format!("  takes {fuel} fuel, 100 % more than the {} of `fuel.lock`; allowed are 10 %", fuel / 2);
    assert!(text.contains(&format!("glob examples.json: {name}\n{line}\n")), "{text}");
    assert!(text.contains("glob: 1 cases are not in fuel.lock; `rhumb policy lock` adds them"), "{text}");
    lock["engine"]["engine"] = "wasmtime 1".into();
    fs::write(&path, lock.to_string()).unwrap();
    let text = printed(folder.path(), &["test", "--component", &component], 0);
    assert!(text.contains("fuel.lock is of another engine and was not compared"), "{text}");
    fs::write(&path, "{").unwrap();
    let words = refused(folder.path(), &["test", "--component", &component]);
    assert!(words.contains("failed to read `fuel.lock`; `rhumb policy lock` writes it anew"), "{words}");
}

#[test]
fn properties_hold_for_made_up_questions_and_the_same_seed_makes_the_same() {
    for name in ["glob", "regexp", "semver", "soak", "env-sizing"] {
        let (folder, component) = copied(name);
        let check = |seed: &str| {
            printed(folder.path(), &["check", "--component", &component, "--tries", "60", "--seed", seed], 0)
        };
        let text = check("3");
        assert!(text.starts_with("POLICY") && text.contains(" answers ") && text.contains(" held "), "{text}");
        assert_eq!(check("3"), text);
    }
}

#[test]
fn a_policy_that_breaks_a_property_is_shown_with_the_smallest_question() {
    let (folder, _) = two();
    fs::write(folder.path().join("cases/two.yaml"), "cases: [{name: a, config: {}, tags: a b, current: a}]").unwrap();
    let component = super::component("liar").to_string_lossy().into_owned();
    let text = printed(folder.path(), &["check", "--component", &component, "--tries", "5"], 1);
    // Nothing is needed for it to be wrong: no tags, no current one.
    let broken = "\nliar: answers is broken: answer breaks the contract: picked tag number 7, but 0 were offered\n";
    assert!(text.contains(broken), "{text}");
    assert!(text.contains("\n  - {\"name\":\"breaks `answers`\",\"config\":{}}\n"), "{text}");
    assert!(text.ends_with("The same questions: --seed 1\n"), "{text}");
    let json = printed(folder.path(), &["check", "--component", &component, "--tries", "5", "--output", "json"], 1);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[0]["properties"][0]["broken"]["case"]["name"], "breaks `answers`");
}

#[test]
fn fuel_grows_with_the_number_of_tags_and_is_the_same_each_time() {
    let (folder, component) = copied("glob");
    let bench = || {
        let json = printed(folder.path(), &["bench", "--component", &component, "--runs", "3", "--output", "json"], 0);
        serde_json::from_str::<Value>(&json).unwrap()
    };
    let (one, other) = (bench(), bench());
    let fuel = |report: &Value, at: usize| report[0]["sizes"][at]["fuel"].as_u64().unwrap();
    for at in 0..4 {
        assert_eq!(fuel(&one, at), fuel(&other, at));
    }
    assert!(fuel(&one, 3) > 5 * fuel(&one, 2));
    let growth = one[0]["growth"].as_f64().unwrap();
    assert!((0.8..1.3).contains(&growth), "{growth}");
    assert!(one[0]["sizes"][3]["memoryBytes"].as_u64().unwrap() >= 1 << 20);
    let text = printed(folder.path(), &["bench", "--component", &component, "--runs", "3"], 0);
    assert!(text.contains("\n\nTAGS   FUEL ") && text.contains("fuel grows with the number to the power of"), "{text}");
}
