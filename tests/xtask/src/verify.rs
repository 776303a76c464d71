//! Everything that CI runs, in the order in which a mistake shows soonest.

use std::process::ExitCode;
use std::time::Instant;

use crate::servers;
use crate::steps::{binary, components, run, say};

type Step = (&'static str, &'static [&'static str]);

/// Formatting, lints, docs, all tests, each crate alone. The policies are built between, since tests load them.
const BEFORE_POLICIES: [Step; 2] = [
    ("formatting", &["fmt", "--all", "--check"]),
    // All at once and as the tests want it: another choice of packages has other features, and would build wasmtime,
    // kube and libgit2 a second time.
    ("building everything", &["build", "--quiet", "--workspace", "--all-targets"]),
];
const AFTER_POLICIES: [Step; 3] = [
    ("lints", &["clippy", "--quiet", "--workspace", "--all-targets", "--", "--deny", "warnings"]),
    // Unit tests, doc tests, the policies' own suites, the layering test, scenarios, the demo's transcript.
    ("tests", &["test", "--workspace", "--no-fail-fast"]),
    ("documentation", &["doc", "--quiet", "--workspace", "--no-deps", "--document-private-items"]),
];

/// Cases of `cargo xtask helm-fuzz` here: some seconds of them, always the same.
const FUZZED: &str = "400";

/// Runs all steps and stops at the first that fails.
pub(crate) fn verify() -> Result<ExitCode, String> {
    let start = Instant::now();
    // A build of many minutes, most of them on one core: it goes on while cargo builds.
    let building = servers::start();
    for step in &BEFORE_POLICIES {
        cargo(step)?;
    }
    components()?;
    let [lints, others @ ..] = &AFTER_POLICIES;
    cargo(lints)?;
    building.finish()?;
    say("the Helm engine beside Helm's own packages, on templates made at random");
    run(&binary("examples/fuzz").to_string_lossy(), &["--cases", FUZZED])?;
    for step in others {
        cargo(step)?;
    }
    say(&format!("verified in {} s", start.elapsed().as_secs()));
    Ok(ExitCode::SUCCESS)
}

fn cargo((name, arguments): &Step) -> Result<(), String> {
    say(name);
    run("cargo", arguments).map_err(|error| format!("{name}: {error}"))
}
