//! What the commands do: install the target, build, run.

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

/// The target that policies are compiled for.
const TARGET: &str = "wasm32-unknown-unknown";

/// Folders with policies that are built into `target/policies`.
const POLICY_FOLDERS: [&str; 2] = ["policies", "examples/bad-policies"];

/// Builds everything and tells the story.
pub(crate) fn demo(arguments: &[String]) -> Result<ExitCode, String> {
    policies()?;
    say("running the demo");
    let status = Command::new(binary("rhumb"))
        .arg("demo")
        .args(arguments)
        .status()
        .map_err(|error| format!("failed to start `rhumb demo`: {error}"))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Builds daemon and CLI, then the policies with the CLI's own `policy build`.
pub(crate) fn policies() -> Result<ExitCode, String> {
    ensure_target()?;
    say("building rhumb and rhumbd (the first time takes some minutes: wasmtime, kube and libgit2 are large)");
    let packages = ["--package", "rhumb-cli", "--package", "rhumb-daemon", "--package", "rhumb-sim"];
    run("cargo", &[&["build", "--bins"][..], &packages].concat())?;
    components()
}

/// Builds the policies; `rhumb` is built already.
pub(crate) fn components() -> Result<ExitCode, String> {
    ensure_target()?;
    say("building the policies");
    let mut arguments = vec!["policy".to_owned(), "build".to_owned()];
    for folder in POLICY_FOLDERS {
        arguments.extend(crates_in(folder)?);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    run(&binary("rhumb").to_string_lossy(), &arguments)?;
    Ok(ExitCode::SUCCESS)
}

/// Runs the benchmarks: those that need nothing, of them those of policies alone, or those on a real control plane.
pub(crate) fn bench(arguments: &[String]) -> Result<ExitCode, String> {
    let verb = arguments.split_first().map(|(first, rest)| (first.as_str(), rest));
    if let Some(("helm", charts)) = verb {
        return bench_helm(charts);
    }
    policies()?;
    if let Some(("cluster", sizes)) = verb {
        crate::servers::start().finish()?;
        optimised()?;
        let run_example = |example: &str, arguments: &[&str]| {
            let bench = ["run", "--quiet", "--package", "rhumb-tests", "--example", example, "--"];
            run("cargo", &[&bench[..], arguments].concat())
        };
        run_example("cluster", &sizes.iter().map(String::as_str).collect::<Vec<_>>())?;
        run(&root().join("target/release/examples/wakeups").to_string_lossy(), &[])?;
        return Ok(ExitCode::SUCCESS);
    }
    optimised()?;
    let bench = |names: &[&str]| {
        let benches = names.iter().flat_map(|name| ["--bench", *name]);
        run("cargo", &["bench", "--quiet", "--workspace"].into_iter().chain(benches).collect::<Vec<_>>())
    };
    match arguments {
        [] => bench(&["edit", "render", "decide", "apart"])?,
        [policy] if policy == "policy" => return bench(&["decide", "apart"]).map(|()| ExitCode::SUCCESS),
        other => {
            return Err(format!(
                "no benchmarks `{}`; there are `helm [CHARTS…]`, `policy` and `cluster [N…]`",
                other.join(" ")
            ));
        }
    }
    // Counted work needs no optimised build.
    for example in ["idle", "git"] {
        run("cargo", &["run", "--quiet", "--package", "rhumb-tests", "--example", example])?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Measures the Helm engine over folders of charts, beside the real `helm` and its packages in process where they are
/// built; only the engine is built for it.
fn bench_helm(charts: &[String]) -> Result<ExitCode, String> {
    let charts = std::env::join_paths(charts).map_err(|_| "a folder of charts has a `:` in its path".to_owned())?;
    let bench = ["bench", "--quiet", "--package", "rhumb-helm", "--bench", "render"];
    let mut command = Command::new("cargo");
    command.args(bench).env("RHUMB_BENCH_CHARTS", charts);
    if let Some(helm) = crate::servers::helm() {
        command.env("RHUMB_BENCH_HELM", helm);
    }
    let status = command.status().map_err(|error| format!("failed to start `cargo`: {error}"))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Compares the Helm engine with the real `helm`; only the engine is built for it.
pub(crate) fn oracle(arguments: &[String]) -> Result<ExitCode, String> {
    let oracle = ["run", "--quiet", "--release", "--package", "rhumb-helm", "--example", "oracle", "--"];
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let status = Command::new("cargo").args([&oracle[..], &arguments].concat()).status();
    let status = status.map_err(|error| format!("failed to start `cargo`: {error}"))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Compares the Helm engine with Helm's own packages on templates made at random; only the engine is built for it.
pub(crate) fn helm_fuzz(arguments: &[String]) -> Result<ExitCode, String> {
    let fuzz = ["run", "--quiet", "--package", "rhumb-helm", "--example", "fuzz", "--"];
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let status = Command::new("cargo").args([&fuzz[..], &arguments].concat()).current_dir(root()).status();
    let status = status.map_err(|error| format!("failed to start `cargo`: {error}"))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Records the answers of the real `helm`, which the tests of the cluster keep.
pub(crate) fn conformance() -> Result<ExitCode, String> {
    let helm = crate::servers::helm().ok_or("the real `helm` is not there\nhint: `cargo xtask servers` builds it")?;
    let status = Command::new("cargo")
        .args(["test", "--quiet", "--package", "rhumb-helm", "--test", "conformance", "--test", "set"])
        .env("RHUMB_RECORD", helm)
        .current_dir(root())
        .status()
        .map_err(|error| format!("failed to start `cargo`: {error}"))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds the daemon as it is shipped, and the benchmarks: together, so that what they share is built once.
fn optimised() -> Result<(), String> {
    say("building with optimisations");
    let wanted = ["--bins", "--benches", "--example", "wakeups"];
    run("cargo", &[&["build", "--quiet", "--release", "--workspace"][..], &wanted].concat())
}

/// Adds the wasm target when it is missing.
pub(crate) fn ensure_target() -> Result<(), String> {
    let sysroot = output("rustc", &["--print", "sysroot"])?;
    let library = PathBuf::from(sysroot.trim()).join("lib/rustlib").join(TARGET);
    if library.exists() {
        return Ok(());
    }
    say("adding the target that policies are compiled for");
    let added = Command::new("rustup").args(["target", "add", TARGET]).status();
    if added.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err(format!(
        "the Rust target {TARGET} is missing and `rustup target add {TARGET}` failed\n\n\
         hint: install Rust by rustup (https://rustup.rs) and run that command, or install your distribution's \
         package with this target (such as `libstd-rust-dev-wasm32`)"
    ))
}

/// Where cargo puts a binary of this workspace.
pub(crate) fn binary(name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    target.join("debug").join(name)
}

/// Runs a command with its output shown; an error when it fails.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let status = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .status()
        .map_err(|error| format!("failed to start `{program}`: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{program} {}` failed", arguments.join(" "))) }
}

/// Says on standard error what comes next.
pub(crate) fn say(text: &str) {
    eprintln!("\x1b[1m==>\x1b[0m {text}");
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn output(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program)
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("failed to start `{program}`: {error}"))?;
    String::from_utf8(output.stdout).map_err(|_| format!("`{program}` did not print text"))
}

fn crates_in(folder: &str) -> Result<Vec<String>, String> {
    let failed = |error: std::io::Error| format!("failed to list `{folder}`: {error}");
    let mut crates = Vec::new();
    for entry in std::fs::read_dir(root().join(folder)).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let path = format!("{folder}/{}", name.to_string_lossy());
        if root().join(&path).join("Cargo.toml").exists() {
            crates.push(path);
        }
    }
    crates.sort();
    Ok(crates)
}
