//! The demo as a user runs it: ten scenes, every check printed, exit 0, nothing on standard output that differs from
//! run to run but the random parts.

use std::process::Command;

use rhumb_tests::{binary, policies, root};

fn rhumb() -> Command {
    let mut command = Command::new(binary("rhumb"));
    command.env("NO_COLOR", "1").env("RHUMB_LOG", "off");
    command
}

#[test]
fn the_demo_tells_and_checks_all_ten_scenes() {
    let output = rhumb().args(["demo", "--policies"]).arg(policies()).output().expect("rhumb was built");
    let (text, words) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}\n{words}");
    for (number, title) in (1..).zip([
        "Start",
        "Dev",
        "Chart",
        "Staging",
        "Production",
        "Hotfix",
        "Sealed secrets",
        "A promotion rule",
        "A value transform",
        "Bad policies",
    ]) {
        assert!(text.contains(&format!("Scene {number}  {title}")), "scene {number} is missing");
    }
    assert!(text.contains("10 of 10 scenes told and checked"));
    let checks = text.lines().filter(|line| line.trim_start().starts_with('✓')).count();
    assert!(checks >= 30, "only {checks} checks");
    assert!(!text.contains("127.0.0.1"), "addresses are shown by name");
    assert!(!text.contains("only-the-chart-sees-this"), "a secret was printed");
    for expected in [
        "superseded  podinfo-",
        "Install complete",
        "Upgrade complete",
        "hold until 2026-11-23T14:35:00Z",
        "same outcome: true, same fuel: true",
    ] {
        assert!(text.contains(expected), "`{expected}` is missing in\n{text}");
    }
}

#[test]
fn the_readme_names_the_two_commands() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.contains("cargo demo") && readme.contains("cargo verify"));
}
