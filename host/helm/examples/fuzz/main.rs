//! Makes templates and values at random, renders them with this engine and with Helm's own packages, and compares: texts
//! byte for byte, refusals with refusals.
//!
//! A case is named by its seed. One that differs is shortened before it is printed. What is known to differ stands in
//! `tests/fuzz/accepted.txt`. `cargo xtask helm-fuzz` starts it.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::indexing_slicing, reason = "a program for developers")]

mod accepted;
mod calls;
mod grammar;
mod literals;
mod outcome;
mod reference;
mod shrink;
mod tape;
mod values;

use std::collections::BTreeMap;
use std::process::ExitCode;

use accepted::Accepted;
use grammar::Case;
use outcome::{Answer, Outcome, judge};
use reference::Reference;
use tape::Tape;

const HELP: &str = "\
Compares the Helm engine with Helm's own packages on templates and values made at random

Usage: cargo xtask helm-fuzz [OPTIONS]

Options:
  --cases N      How many cases [default: 1000]
  --seed S       Seed of the first; each further one has the next number [default: 1]
  --show         Print each case with both answers, as it was made
";

/// What the command line says.
struct Options {
    cases: u64,
    seed: u64,
    print: Print,
}

#[derive(PartialEq, Eq)]
enum Print {
    Differences,
    Everything,
}

/// How many cases ended in which way.
#[derive(Default)]
struct Totals {
    alike: u64,
    refused: u64,
    accepted: u64,
    unstable: u64,
    /// Shortened cases, with the seeds that led to each.
    different: BTreeMap<String, Vec<u64>>,
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("error: {message}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    let Some(program) = reference::path() else {
        eprintln!("no `helm-reference`, so nothing was compared\nhint: `cargo xtask servers` builds it");
        return if std::env::var_os("CI").is_some() { ExitCode::from(2) } else { ExitCode::SUCCESS };
    };
    match run(&options, Reference::new(program)) {
        Ok(totals) => report(&options, &totals),
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

fn options() -> Result<Option<Options>, String> {
    let mut options = Options { cases: 1_000, seed: 1, print: Print::Differences };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let text = arguments.next().ok_or_else(|| format!("`{argument}` needs a value"))?;
            text.parse::<u64>().map_err(|_| format!("`{text}` is no number"))
        };
        match argument.as_str() {
            "--help" | "-h" => return Ok(None),
            "--cases" => options.cases = number()?,
            "--seed" => options.seed = number()?,
            "--show" => options.print = Print::Everything,
            other => return Err(format!("unknown option `{other}`")),
        }
    }
    Ok(Some(options))
}

fn run(options: &Options, reference: Reference) -> Result<Totals, String> {
    let mut run = Run { accepted: Accepted::read()?, reference, totals: Totals::default() };
    for seed in options.seed..options.seed.saturating_add(options.cases) {
        let mut tape = Tape::of_seed(seed);
        let case = grammar::case(&mut tape);
        let (outcome, ours, theirs) = judge(&mut run.reference, &case)?;
        if options.print == Print::Everything {
            println!("{}", told(seed, outcome, &case, &ours, &theirs));
        }
        match outcome {
            Outcome::Alike => run.totals.alike += 1,
            Outcome::BothRefuse => run.totals.refused += 1,
            _ => run.different(seed, outcome, &tape)?,
        }
    }
    Ok(run.totals)
}

/// A run under way.
struct Run {
    accepted: Accepted,
    reference: Reference,
    totals: Totals,
}

impl Run {
    /// Shortens a case that differs, and prints it once.
    fn different(&mut self, seed: u64, outcome: Outcome, tape: &Tape) -> Result<(), String> {
        let case = grammar::case(&mut Tape::of_choices(tape.played()));
        let mut again = || judge(&mut self.reference, &case).map(|(_, _, theirs)| theirs);
        let theirs = again()?;
        if theirs != again()? {
            // The order of a map, or an address.
            self.totals.unstable += 1;
            return Ok(());
        }
        let is_alike = |case: &Case| judge(&mut self.reference, case).is_ok_and(|(found, ..)| found == outcome);
        let small = shrink::shrink(tape.played(), &theirs, is_alike);
        let (outcome, ours, theirs) = judge(&mut self.reference, &small)?;
        let story = told(seed, outcome, &small, &ours, &theirs);
        if self.accepted.holds(&story) {
            self.totals.accepted += 1;
            return Ok(());
        }
        let seeds = self.totals.different.entry(small.template.clone()).or_default();
        seeds.push(seed);
        if seeds.len() == 1 {
            println!("{story}");
        }
        Ok(())
    }
}

fn told(seed: u64, outcome: Outcome, case: &Case, ours: &Answer, theirs: &Answer) -> String {
    let answer = |answer: &Answer| match answer {
        Answer::Printed(text) => text.split_once("\nout: ").map_or(text.as_str(), |(_, out)| out.trim_end()).to_owned(),
        Answer::Refused(message) => format!("refused: {message}"),
    };
    let values = if case.values.is_empty() { String::new() } else { format!("values: {}", case.values) };
    format!(
        "── seed {seed}: {outcome:?}\n{}\n{values}  helm: {}\n  ours: {}",
        case.template,
        answer(theirs),
        answer(ours)
    )
}

fn report(options: &Options, totals: &Totals) -> ExitCode {
    let different: usize = totals.different.values().map(Vec::len).sum();
    println!(
        "{} cases from seed {}: {} alike, {} refused by both, {} different as accepted, {} where Helm disagrees with itself, \
         {different} different ({} when shortened)",
        options.cases,
        options.seed,
        totals.alike,
        totals.refused,
        totals.accepted,
        totals.unstable,
        totals.different.len()
    );
    if different == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) }
}
