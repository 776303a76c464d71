//! The one place that writes to standard output and standard error: results on the first, words on the second.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the printer")]

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};

use clap::ValueEnum;

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// Prints a result. A reader that went away (`| head`) is no error.
pub fn out(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// Says something to the person at the terminal.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints an error with its causes, one a line, and a hint where there is one.
pub fn error(error: &anyhow::Error) {
    let mut causes = error.chain();
    let what_to_do = error.chain().find_map(|cause| cause.downcast_ref::<rhumb_helm::Error>()?.hint());
    let mut text = String::new();
    if let Some(first) = causes.next() {
        let _ = write!(text, "{} {first}", paint("error:", Paint::Red));
    }
    let mut last = String::new();
    for cause in causes {
        let cause = cause.to_string();
        // Some libraries repeat their source in their own text; once is enough.
        if !last.ends_with(&cause) {
            let _ = write!(text, "\n  caused by: {cause}");
        }
        last = cause;
    }
    say(&text);
    what_to_do.into_iter().for_each(hint);
}

/// Prints what to do about an error.
pub fn hint(text: &str) {
    say(&format!("\n{} {text}", paint("hint:", Paint::Cyan)));
}

/// A colour, shown only to a terminal and never needed to read the text.
#[derive(Clone, Copy, Debug)]
pub enum Paint {
    /// Headings.
    Bold,
    /// Good news.
    Green,
    /// Bad news.
    Red,
    /// Waiting and hints.
    Cyan,
    /// Asides.
    Dim,
}

/// The text in a colour, when a person reads it and did not ask for none (`NO_COLOR`).
pub fn paint(text: &str, paint: Paint) -> String {
    static COLOUR: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    let colour = *COLOUR.get_or_init(|| {
        std::io::stdout().is_terminal() && std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
    });
    if !colour {
        return text.to_owned();
    }
    let code = match paint {
        Paint::Bold => 1,
        Paint::Green => 32,
        Paint::Red => 31,
        Paint::Cyan => 36,
        Paint::Dim => 2,
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}
