//! The other side: what a process for policies does.
//!
//! It is the same program as its parent, started as `policy-worker compile` or `policy-worker evaluate` with an empty
//! environment and a socket as standard input. It bounds itself, walls itself in, and only then reads what a policy's
//! author wrote. One thread answers one request at a time.
//!
//! Invariant: between the walls and the end of the process there is nothing to open, to connect to or to start.

mod compile;
mod evaluate;
pub(crate) mod frame;
#[cfg(test)]
mod fuzz;
mod walls;

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

/// The hidden sub-command.
pub const COMMAND: &str = "policy-worker";

/// Exit code of a worker that could not go on; its parent says why in its own words.
pub(crate) const GAVE_UP: u8 = 3;

/// Runs the worker when the first word of a command line is [`COMMAND`]. To be asked before anything else is set up.
pub fn main(words: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut words = words.into_iter().skip(1);
    if words.next()? != COMMAND {
        return None;
    }
    walls::close_inherited();
    let result = match words.next()?.to_str()? {
        compile::TASK => compile::run(),
        evaluate::TASK => evaluate::run(),
        _ => return Some(ExitCode::from(2)),
    };
    // The parent left, or what it wrote is no frame: there is nobody to tell.
    Some(if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(GAVE_UP) })
}

/// The socket to the parent, which is standard input.
fn parent() -> io::Result<UnixStream> {
    Ok(UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?))
}

pub(crate) use compile::{Compile, Compiled, TASK as COMPILE};
pub(crate) use evaluate::{FRAME_BYTES, Load, Request, Setup, TASK as EVALUATE};
