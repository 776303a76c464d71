//! Helm's own packages, in a process that answers line by line.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::grammar::Case;
use crate::outcome::Answer;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same folder as `cargo xtask servers` builds into.
const VERSION: &str = include_str!("../../../../tests/cluster/VERSION");

/// Where `cargo xtask servers` puts the program.
pub(crate) fn path() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("RHUMB_TEST_HELM_REFERENCE") {
        return Some(path.into());
    }
    let cache = ["RHUMB_TEST_CACHE", "XDG_CACHE_HOME"].iter().find_map(std::env::var_os).map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let program = cache.or_else(home)?.join("rhumb").join(VERSION.trim()).join("helm-reference");
    program.is_file().then_some(program)
}

/// The process, started again when it died.
pub(crate) struct Reference {
    program: PathBuf,
    running: Option<Running>,
}

struct Running {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Reference {
    pub(crate) fn new(program: PathBuf) -> Self {
        Self { program, running: None }
    }

    /// Hands over a case; the answer is for [`Reference::answer`].
    pub(crate) fn ask(&mut self, case: &Case) -> Result<(), String> {
        let files: Value = case.files().into_iter().map(|(path, text)| (path, Value::from(text))).collect();
        let asked =
            json!({"files": files, "values": case.values, "name": "rel", "namespace": "ns1", "kubeVersion": "v1.34.0"});
        if self.running.is_none() {
            self.running = Some(start(&self.program)?);
        }
        let Some(running) = &mut self.running else { return Ok(()) };
        let written = writeln!(running.input, "{asked}").and_then(|()| running.input.flush());
        written.map_err(|error| format!("failed to write to `{}`: {error}", self.program.display()))
    }

    /// What it says to the last case. One that kills it, or takes too long, counts as refused.
    pub(crate) fn answer(&mut self) -> Answer {
        let line = self.running.as_ref().and_then(|running| running.lines.recv_timeout(PATIENCE).ok());
        let Some(line) = line else {
            self.stop();
            return Answer::died();
        };
        let answer: Value = serde_json::from_str(&line).unwrap_or_default();
        let text = |key: &str| answer.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
        match text("text") {
            Some(text) => Answer::Printed(text),
            None => Answer::Refused(text("error").unwrap_or(line)),
        }
    }

    fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            // It may be gone already.
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        self.stop();
    }
}

fn start(program: &Path) -> Result<Running, String> {
    let failed = |error: &dyn std::fmt::Display| format!("failed to start `{}`: {error}", program.display());
    let mut command = Command::new(program);
    command.env("TZ", "UTC").env("GOMEMLIMIT", "1GiB");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| failed(&error))?;
    let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(failed(&"it has no pipes"));
    };
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    Ok(Running { child, input, lines })
}
