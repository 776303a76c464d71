//! Runs the real `helm` and this engine over folders of charts and compares what they print, byte for byte.
//!
//! Each chart is rendered with its defaults, with every `ci/*-values.yaml`, and with booleans of its `values.yaml`
//! switched. What differs between two runs of `helm` (passwords, certificates, dates) is masked. `cargo xtask oracle`
//! starts it.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::indexing_slicing, reason = "a program for developers")]

mod cases;
mod compare;
mod maxima;
mod programs;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use cases::Case;
use compare::Outcome;
use report::Row;

const HELP: &str = "\
Compares the engine with the real helm over folders of charts

Usage: cargo xtask oracle [OPTIONS] CHARTS...

Arguments:
  CHARTS...          Charts, or folders with charts in them

Options:
  --json FILE        Write all results to FILE [default: target/oracle.json]
  --switches N       Booleans that are switched one at a time, per chart [default: 8]
  --only WORD        Cases whose chart or name holds WORD
  --threads N        Renderings at a time [default: 2]
  --maxima           Print what the charts take of the engine's limits, without the real helm
";

/// What the command line says.
struct Options {
    charts: Vec<PathBuf>,
    json: PathBuf,
    switches: usize,
    only: Option<String>,
    threads: usize,
    mode: Mode,
}

/// What is done with the cases.
enum Mode {
    Compare,
    Maxima,
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
    match run(&options) {
        Ok(rows) if rows.iter().all(|row| row.outcome.agrees()) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

fn options() -> Result<Option<Options>, String> {
    let mut options = Options {
        charts: Vec::new(),
        json: PathBuf::from("target/oracle.json"),
        switches: 8,
        only: None,
        threads: 2,
        mode: Mode::Compare,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("`{argument}` needs a value"));
        let number = |text: String| text.parse::<usize>().map_err(|_| format!("`{text}` is no number"));
        match argument.as_str() {
            "--help" | "-h" => return Ok(None),
            "--maxima" => options.mode = Mode::Maxima,
            "--json" => options.json = value()?.into(),
            "--switches" => options.switches = number(value()?)?,
            "--only" => options.only = Some(value()?),
            "--threads" => options.threads = number(value()?)?.max(1),
            other if other.starts_with('-') => return Err(format!("unknown option `{other}`")),
            other => options.charts.push(other.into()),
        }
    }
    if options.charts.is_empty() { Err("no charts given".to_owned()) } else { Ok(Some(options)) }
}

fn run(options: &Options) -> Result<Vec<Row>, String> {
    let all = cases(options);
    if matches!(options.mode, Mode::Maxima) {
        maxima::print(&all, options.threads);
        return Ok(Vec::new());
    }
    let helm = programs::helm()?;
    let scratch = std::env::temp_dir().join(format!("rhumb-oracle-{}", std::process::id()));
    std::fs::create_dir_all(&scratch).map_err(|error| format!("failed to make `{}`: {error}", scratch.display()))?;
    let (next, rows) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..options.threads {
            scope.spawn(|| {
                while let Some(case) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let row = judge(&helm, case, &scratch);
                    report::progress(&row);
                    rows.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(row);
                }
            });
        }
    });
    // What is left behind is in the folder for temporary files.
    let _ = std::fs::remove_dir_all(&scratch);
    let mut rows = rows.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    rows.sort_by(|a, b| (&a.chart, &a.case).cmp(&(&b.chart, &b.case)));
    report::print(&rows);
    report::write(&rows, &options.json)?;
    Ok(rows)
}

fn cases(options: &Options) -> Vec<Case> {
    let charts = cases::charts(&options.charts);
    let mut all: Vec<Case> = charts.iter().flat_map(|chart| cases::of_chart(chart, options.switches)).collect();
    all.retain(|case| options.only.as_ref().is_none_or(|word| case.title().contains(word)));
    all
}

fn judge(helm: &std::path::Path, case: &Case, scratch: &std::path::Path) -> Row {
    let ours = programs::ours(case);
    let theirs = programs::theirs(helm, case, scratch);
    let outcome = match (&ours, &theirs) {
        (Ok(ours), Ok(theirs)) if ours == theirs => Outcome::Same { documents: compare::documents(ours).len() },
        (Ok(ours), Ok(theirs)) => {
            // A second later, so that a clock in the output shows.
            std::thread::sleep(std::time::Duration::from_millis(1100));
            match programs::theirs(helm, case, scratch) {
                Ok(again) => compare::texts(ours, theirs, &again),
                Err(message) => Outcome::Unstable { message },
            }
        }
        (Err(ours), Err(theirs)) => Outcome::BothRefuse { ours: ours.clone(), helm: theirs.clone() },
        (Err(ours), Ok(_)) => Outcome::WeRefuse { ours: ours.clone() },
        (Ok(_), Err(helm)) => Outcome::HelmRefuses { helm: helm.clone() },
    };
    Row { chart: case.chart_name(), case: case.name.clone(), outcome }
}
