//! The binary `rhumb`.

use std::process::ExitCode;

use clap::Parser;
use rhumb_cli::args::Arguments;
use rhumb_cli::print;

fn main() -> ExitCode {
    // Before there are threads: a worker walls itself in.
    rhumb_policy::worker::main(std::env::args_os()).unwrap_or_else(command)
}

#[tokio::main]
async fn command() -> ExitCode {
    let arguments = Arguments::parse();
    // Silent unless asked: what a command has to say, it prints.
    let filter = tracing_subscriber::EnvFilter::try_from_env("RHUMB_LOG");
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("off"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match arguments.run().await {
        Ok(code) => code,
        Err(error) => {
            print::error(&error);
            ExitCode::from(2)
        }
    }
}
