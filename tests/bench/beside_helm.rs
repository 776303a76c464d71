//! Releases charts by the real `helm` and by Rhumb on one control plane, and prints where what lives is different.
//!
//! `cargo run -p rhumb-tests --example beside-helm -- CHART...`: folders of charts, with their dependencies in `charts/`.
//! Exit code 1 when something is different.

#![allow(clippy::print_stdout, reason = "a program for developers")]

use std::path::PathBuf;
use std::process::ExitCode;

use rhumb_tests::beside_helm::compare;

#[tokio::main]
async fn main() -> ExitCode {
    let charts: Vec<PathBuf> = std::env::args().skip(1).map(PathBuf::from).collect();
    let Some(all) = compare(&charts).await else { return ExitCode::from(2) };
    println!("{:<32} {:>7}  {:>6}  DIFFERENT", "CHART", "OBJECTS", "RANDOM");
    for one in &all {
        println!("{:<32} {:>7}  {:>6}  {}", one.chart, one.objects, one.random.len(), one.different.len());
        for line in one.different.iter().chain(&one.refused) {
            println!("    {line}");
        }
    }
    let alike = all.iter().filter(|one| one.different.is_empty()).count();
    println!("\n{} charts, {alike} alike", all.len());
    ExitCode::from(u8::from(alike < all.len()))
}
