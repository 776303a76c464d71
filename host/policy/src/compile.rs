//! Admits and compiles components, through the cache where there is one, and in a process of its own where there is a
//! program.

#![allow(unsafe_code, reason = "loading compiled code is unsafe; what makes it sound is said at each place")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use rhumb_core::id::Digest;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::admission::admit;
use crate::cache::{Cache, Kept};
use crate::children::Process;
use crate::engine::{self, Runtime};
use crate::error::{self, LoadError};
use crate::evaluate::Unready;
use crate::isolation::Program;
use crate::limits::{CompileLimits, Limits};
use crate::worker::{self, Compile, Compiled};

/// Largest code that is taken from a compiler.
const CODE_BYTES: usize = worker::FRAME_BYTES;

/// Who compiles.
pub(crate) enum Compiler {
    /// This process.
    Here(Engine),
    /// Another, one for each component.
    Apart(Program),
}

impl Compiler {
    pub(crate) fn here() -> Result<Self, LoadError> {
        Ok(Self::Here(engine::compiler().map_err(|error| LoadError::Compile(error.into()))?))
    }

    fn compile(&self, limits: &CompileLimits, bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
        match self {
            Self::Here(engine) => engine.precompile_component(bytes).map_err(|error| LoadError::Compile(error.into())),
            Self::Apart(program) => apart(program, limits, bytes),
        }
    }
}

/// How a component becomes code, and under which name that is kept.
pub(crate) struct Store<'a> {
    pub(crate) compiler: &'a Compiler,
    pub(crate) cache: Option<&'a Cache>,
    pub(crate) limits: &'a Limits,
    /// Digest of the component and of everything else that code and admission depend on.
    pub(crate) key: Digest,
}

impl Store<'_> {
    /// What was kept, perhaps by another build of this program.
    pub(crate) fn kept(&self) -> Option<Kept> {
        self.cache.and_then(|cache| cache.get(&self.key))
    }

    /// Admits and compiles, and keeps what comes of it.
    pub(crate) fn make(&self, bytes: &[u8]) -> Result<Kept, LoadError> {
        let admitted = admit(bytes, self.limits.component_bytes)?;
        let code = self.compiler.compile(&self.limits.compile, bytes)?;
        if let Some(cache) = self.cache
            && let Err(error) = cache.put(&self.key, &admitted, &code)
        {
            tracing::warn!(%error, "failed to keep compiled code");
        }
        Ok(Kept { admitted, code: Arc::new(code) })
    }
}

/// Makes a component of code.
pub(crate) fn revive(runtime: &Runtime, code: &[u8]) -> Result<Component, Unready> {
    // SAFETY: code comes from a `Store`: out of a compiler of ours, or out of the cache, which gives only bytes that
    // carry the mark of our own key and are bound to the component and this engine by their name. In the process that
    // evaluates it comes through the socket that its parent holds.
    unsafe { Component::deserialize(&runtime.engine, code) }.map_err(|error| Unready::Code(format!("{error:#}")))
}

/// Compiles in a process of its own, which is stopped when its time is over.
fn apart(program: &Program, limits: &CompileLimits, bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    let failed = |reason: String| LoadError::Process { task: "compiles", reason };
    let mut process = Process::start(program, worker::COMPILE).map_err(|error| failed(error.to_string()))?;
    let deadline = Instant::now() + Duration::from_millis(limits.wall_millis);
    let task = Compile { limits: limits.clone(), component_bytes: bytes.len() };
    let mut ask = || {
        process.send(&task, deadline)?;
        process.send_bytes(bytes, deadline)?;
        let compiled: Compiled = process.receive(64 << 10, deadline)?;
        match compiled {
            Ok(()) => Ok(Ok(process.receive_bytes(CODE_BYTES, deadline)?)),
            Err(words) => Ok(Err(words)),
        }
    };
    let result: std::io::Result<Result<Vec<u8>, String>> = ask();
    match result {
        Ok(Ok(code)) => Ok(code),
        Ok(Err(words)) => Err(LoadError::Compile(error::Engine(rhumb_core::chain::cut(&words, 1024).to_owned()))),
        Err(error) => Err(match process.end() {
            _ if error.kind() == std::io::ErrorKind::TimedOut => {
                LoadError::CompileLimit(format!("it took longer than {} ms", limits.wall_millis))
            }
            end if end.is_signal(rustix::process::Signal::XCPU) || end.is_signal(rustix::process::Signal::KILL) => {
                LoadError::CompileLimit(format!("it took more than {} s of processor time", limits.cpu_seconds))
            }
            // An allocation that failed aborts.
            end if end.is_signal(rustix::process::Signal::ABORT) => {
                LoadError::CompileLimit(format!("it took more than {} MiB of memory", limits.memory_bytes >> 20))
            }
            // Such as a thread that got no stack, or code that no rule of admission knows to be costly.
            end if end.is_code(worker::GAVE_UP) => {
                let mib = limits.memory_bytes >> 20;
                LoadError::CompileLimit(format!("the compiler gave up; it may use {mib} MiB of memory"))
            }
            end => failed(format!("{error}; it ended with {end}")),
        }),
    }
}
