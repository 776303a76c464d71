//! Which process compiles and runs policies.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Which process compiles and runs policies.
#[derive(Clone, Debug, Default)]
pub enum Isolation {
    /// This one does both.
    #[default]
    InProcess,
    /// Another compiles, with limits of its own; this one, whose engine has no compiler, runs what comes of it.
    CompileApart(Program),
    /// Others compile and run them; this one has no engine at all.
    Process(Program),
}

/// How a process for policies is started: a program whose first argument `policy-worker` leads to
/// [`worker::main`](crate::worker::main).
#[derive(Clone, Debug)]
pub struct Program {
    pub(crate) path: PathBuf,
    pub(crate) arguments: Vec<OsString>,
}

impl Program {
    /// The program that runs now, even when its file was replaced since.
    pub fn this() -> std::io::Result<Self> {
        let path = if cfg!(target_os = "linux") { PathBuf::from("/proc/self/exe") } else { std::env::current_exe()? };
        Ok(Self::at(path))
    }

    /// The program of this file.
    pub fn at(path: PathBuf) -> Self {
        Self { path, arguments: vec![OsString::from(crate::worker::COMMAND)] }
    }
}

/// Which of the walls around a process for policies stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walls {
    /// Those that do not, each with the reason.
    pub missing: Vec<String>,
}

impl fmt::Display for Walls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.missing.as_slice() {
            [] => f.write_str("no network, no files, no programs"),
            missing => write!(f, "incomplete: {}", missing.join("; ")),
        }
    }
}
