//! The workspace's commands, reached by cargo aliases: `cargo demo`, `cargo verify`, `cargo soak`, `cargo policies`,
//! `cargo bench-rhumb`.
//!
//! This is the one place that says what each of them runs. It has no dependency, so that it starts in a second on a
//! machine that has never seen the project.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the printer of the workspace's commands")]

mod servers;
mod soak;
mod steps;
mod verify;

use std::process::ExitCode;

const HELP: &str = "\
Runs the workspace's commands

Usage: cargo demo [OPTIONS]         Tell the whole story on embedded servers
       cargo verify                 Run everything that CI runs
       cargo soak                   Run the long tests in full: kills, races
       cargo policies               Build the shipped policies and the examples into target/policies
       cargo xtask servers          Build and install the real servers and programs that tests start
       cargo xtask oracle CHARTS…   Compare the Helm engine with the real helm over folders of charts
       cargo xtask helm-fuzz …      Compare it on templates made at random; `--help` lists the options
       cargo xtask conformance      Record again what the real helm answers to the conformance cases
       cargo bench-rhumb            Run the benchmarks and print their table
       cargo bench-rhumb helm C…    Measure the Helm engine on charts, beside Helm's own packages and the real helm
       cargo bench-rhumb policy     Run those of policies alone
       cargo bench-rhumb cluster N… Measure N releases on a real control plane

`cargo demo --help` lists the options of the demo.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.split_first() {
        Some((command, rest)) => match command.as_str() {
            "demo" => steps::demo(rest),
            "policies" => steps::policies(),
            "verify" => verify::verify(),
            "soak" => soak::soak(),
            "bench" => steps::bench(rest),
            "oracle" => steps::oracle(rest),
            "helm-fuzz" => steps::helm_fuzz(rest),
            "conformance" => steps::conformance(),
            "servers" => servers::start().finish().map(|()| ExitCode::SUCCESS),
            _ => return usage(),
        },
        None => return usage(),
    };
    match result {
        Ok(code) => code,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    print!("{HELP}");
    ExitCode::from(2)
}
