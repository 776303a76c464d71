//! Policies compiled and run in processes of their own.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests fail by panicking")]

mod guests;
mod questions;

use std::path::PathBuf;

use rhumb_core::judge::Answer;
use rhumb_policy::{Isolation, Options, Program, Sandbox, Walls};

use questions::question;

fn worker() -> Program {
    Program::at(PathBuf::from(env!("CARGO_BIN_EXE_rhumb-policy-worker")))
}

fn apart() -> Sandbox {
    Sandbox::new(Options { isolation: Isolation::Process(worker()), ..Options::default() }).unwrap()
}

#[test]
fn a_child_gives_the_same_decisions_and_fuel_as_this_process() {
    let (here, apart) = (Sandbox::new(Options::default()).unwrap(), apart());
    for (name, config) in [("semver", r#"{"range":"<0.500"}"#), ("glob", r#"{"pattern":"0.4*"}"#), ("liar", "{}")] {
        let loaded = here.load(guests::component(name)).unwrap();
        assert_eq!(apart.load(guests::component(name)).unwrap().describe, loaded.describe);
        for count in [0, 1, 10_000] {
            let question = question(&loaded.digest, config, count);
            assert_eq!(apart.decide(&question), here.decide(&question), "{name}, {count} tags");
        }
    }
    assert_eq!(apart.profile(), here.profile());
}

#[test]
fn the_walls_around_a_child_stand() {
    assert_eq!(apart().walls(), Some(&Walls::default()));
    assert_eq!(Sandbox::new(Options::default()).unwrap().walls(), None);
}

#[test]
fn a_batch_is_answered_in_order() {
    let apart = apart();
    let (semver, endless) =
        (apart.load(guests::component("semver")).unwrap(), apart.load(guests::component("endless")).unwrap());
    let mut questions = std::collections::BTreeMap::new();
    for count in 0..300 {
        questions.insert(count, question(&semver.digest, r#"{"range":"*"}"#, count));
    }
    questions.insert(1000, question(&endless.digest, "{}", 1));
    let decisions = apart.judge(questions);
    for (count, (asked, decision)) in decisions.iter().take(300) {
        assert_eq!(apart.decide(asked), *decision);
        let Ok(Answer::Selection(selection)) = &decision.answer else { panic!("{count}: {decision:?}") };
        assert_eq!(selection.considered.len(), (*count).min(selection.considered.len()));
    }
    assert_eq!(decisions[&1000].1.answer.as_ref().unwrap_err().code(), "out-of-fuel");
}

#[test]
fn code_is_compiled_apart_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let ask = || {
        let options = Options {
            cache_dir: Some(folder.path().to_owned()),
            isolation: Isolation::CompileApart(worker()),
            ..Options::default()
        };
        let sandbox = Sandbox::new(options).unwrap();
        let semver = sandbox.load(guests::component("semver")).unwrap();
        sandbox.decide(&question(&semver.digest, r#"{"range":"*"}"#, 100))
    };
    let first = ask();
    assert!(first.answer.is_ok(), "{first:?}");
    assert_eq!(ask(), first);
    let here = Sandbox::new(Options::default()).unwrap();
    let semver = here.load(guests::component("semver")).unwrap();
    assert_eq!(here.decide(&question(&semver.digest, r#"{"range":"*"}"#, 100)), first);
}

#[test]
fn what_costs_a_compiler_more_than_it_may_is_refused_with_the_limit() {
    let compile = rhumb_policy::Limits::default().compile;
    let limits = rhumb_policy::CompileLimits { wall_millis: 1, ..compile };
    let limits = rhumb_policy::Limits { compile: limits, ..rhumb_policy::Limits::default() };
    let options = Options { limits, isolation: Isolation::CompileApart(worker()), ..Options::default() };
    let error = Sandbox::new(options).unwrap().load(guests::component("semver")).unwrap_err();
    assert_eq!(error.to_string(), "component is too costly to compile: it took longer than 1 ms");
}

#[test]
fn a_compiler_that_runs_out_of_memory_is_told_as_the_limit() {
    let load = |mib: u64| {
        let compile =
            rhumb_policy::CompileLimits { memory_bytes: mib << 20, ..rhumb_policy::Limits::default().compile };
        let limits = rhumb_policy::Limits { compile, ..rhumb_policy::Limits::default() };
        let options = Options { limits, isolation: Isolation::CompileApart(worker()), ..Options::default() };
        Sandbox::new(options).unwrap().load(guests::component("semver")).map_err(|error| error.to_string())
    };
    for mib in [1, 16, 70] {
        let words = load(mib).unwrap_err();
        let is_limit = words.starts_with("component is too costly to compile: ");
        assert!(is_limit && words.ends_with(&format!("{mib} MiB of memory")), "{words}");
    }
    load(256).unwrap();
}

/// The children of this process that evaluate.
fn evaluating() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let children = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let pids: Vec<String> =
        children.flat_map(|pids| pids.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect();
    let evaluates = |pid: &String| {
        let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        command.split(|byte| *byte == 0).any(|word| word == b"evaluate")
    };
    pids.into_iter().filter(evaluates).collect()
}

/// Alone in its process, since the children of others would be killed too: started again as a test of this one name.
#[test]
fn a_child_that_dies_fails_what_it_decided_and_another_takes_its_place() {
    const ALONE: &str = "RHUMB_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let name = "a_child_that_dies_fails_what_it_decided_and_another_takes_its_place";
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        let output = again.args([name, "--exact"]).env(ALONE, "1").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    let apart = apart();
    let semver = apart.load(guests::component("semver")).unwrap();
    let question = question(&semver.digest, r#"{"range":"*"}"#, 100);
    let before = apart.decide(&question);
    assert!(before.answer.is_ok(), "{before:?}");
    let die = || {
        let children = evaluating();
        assert!(!children.is_empty());
        for pid in children {
            assert!(std::process::Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
        }
        apart.decide(&question).answer.unwrap_err()
    };
    for _ in 0..2 {
        let failure = die();
        assert_eq!((failure.code(), failure.to_string().as_str()), ("died", "ended the process that ran it: signal 9"));
        assert_eq!(apart.decide(&question), before);
    }
    assert_eq!(apart.suspended(&semver.digest), None, "twice may be bad luck");

    // Once more, and it is left alone; its neighbour is not.
    assert_eq!(die().code(), "died");
    let words = "suspended for 10 s after it ended its process 3 times, the last time with signal 9";
    let failure = apart.decide(&question).answer.unwrap_err();
    assert_eq!((failure.code(), failure.to_string().contains(words)), ("unavailable", true), "{failure}");
    assert_eq!(apart.suspended(&semver.digest).unwrap().why, words);
    let glob = apart.load(guests::component("glob")).unwrap();
    let neighbour = apart.decide(&questions::question(&glob.digest, r#"{"pattern":"0.4*"}"#, 10));
    assert!(neighbour.answer.is_ok(), "{neighbour:?}");
}
