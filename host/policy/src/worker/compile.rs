//! Compiles one component and ends.

use std::io::{self, BufWriter, Write};

use serde::{Deserialize, Serialize};

use super::{frame, walls};
use crate::engine;
use crate::limits::CompileLimits;

/// The word that starts it.
pub(crate) const TASK: &str = "compile";

/// Deep nesting is recursion in a compiler.
const STACK_BYTES: usize = 64 << 20;

/// What to compile, followed by the component in a frame of its own.
#[derive(Serialize, Deserialize)]
pub(crate) struct Compile {
    pub(crate) limits: CompileLimits,
    pub(crate) component_bytes: usize,
}

/// What came of it, followed by the code in a frame of its own when it is `Ok`.
pub(crate) type Compiled = Result<(), String>;

pub(super) fn run() -> io::Result<()> {
    // The main thread's stack is as large as whoever started us says.
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(compile)?;
    thread.join().unwrap_or_else(|_| Err(io::Error::other("the compiler panicked")))
}

fn compile() -> io::Result<()> {
    let engine = engine::compiler().map_err(io::Error::other)?;
    let parent = super::parent()?;
    let (mut from, mut to) = (&parent, BufWriter::new(&parent));
    let mut buffer = Vec::new();
    frame::read(&mut from, 1 << 10, &mut buffer)?;
    let task: Compile = frame::decode(&buffer)?;
    walls::bound_compiling(&task.limits)?;
    walls::close();
    frame::read(&mut from, task.component_bytes, &mut buffer)?;
    match engine.precompile_component(&buffer) {
        Ok(code) => {
            frame::write(&mut to, &Compiled::Ok(()))?;
            frame::write_bytes(&mut to, &code)?;
        }
        Err(error) => frame::write(&mut to, &Compiled::Err(format!("{error:#}")))?,
    }
    to.flush()
}
