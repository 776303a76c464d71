//! One child process and the socket to it. Everything it writes is as untrusted as what it runs.

use std::fmt;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::isolation::Program;
use crate::worker::frame;

/// A running child. It is killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    socket: UnixStream,
    /// What was read and not yet used.
    read: Vec<u8>,
    used: usize,
}

/// How a child ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End(Option<ExitStatus>);

impl Process {
    /// Starts a child that does this, with nothing of ours but a socket.
    pub(crate) fn start(program: &Program, task: &str) -> io::Result<Self> {
        let (socket, theirs) = UnixStream::pair()?;
        let child = Command::new(&program.path)
            .args(&program.arguments)
            .arg(task)
            .env_clear()
            .current_dir("/")
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self { child, socket, read: Vec::new(), used: 0 })
    }

    /// Writes a value.
    pub(crate) fn send(&mut self, value: &impl Serialize, deadline: Instant) -> io::Result<()> {
        self.send_bytes(&frame::encode(value)?, deadline)
    }

    /// Writes bytes as a frame.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8], deadline: Instant) -> io::Result<()> {
        let mut frame = Vec::with_capacity(bytes.len() + 4);
        frame::write_bytes(&mut frame, bytes)?;
        let mut rest = frame.as_slice();
        while !rest.is_empty() {
            self.socket.set_write_timeout(Some(left(deadline)?))?;
            match self.socket.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(error) => again(error)?,
            }
        }
        Ok(())
    }

    /// Reads a value of at most `limit` bytes.
    pub(crate) fn receive<T: DeserializeOwned>(&mut self, limit: usize, deadline: Instant) -> io::Result<T> {
        let (start, end) = self.frame(limit, deadline)?;
        frame::decode(self.read.get(start..end).unwrap_or_default())
    }

    /// Reads a frame of at most `limit` bytes.
    pub(crate) fn receive_bytes(&mut self, limit: usize, deadline: Instant) -> io::Result<Vec<u8>> {
        let (start, end) = self.frame(limit, deadline)?;
        Ok(self.read.get(start..end).unwrap_or_default().to_vec())
    }

    /// Waits for it to end, or ends it, and says how it ended.
    pub(crate) fn end(mut self) -> End {
        // It has closed its socket, or it is not worth waiting for.
        std::thread::sleep(Duration::from_millis(1));
        let ended = self.child.try_wait().ok().flatten();
        End(ended.or_else(|| {
            let _ = self.socket.shutdown(std::net::Shutdown::Both);
            std::thread::sleep(Duration::from_millis(20));
            let ended = self.child.try_wait().ok().flatten();
            ended.or_else(|| {
                self.child.kill().ok()?;
                self.child.wait().ok()
            })
        }))
    }

    /// The place of the next frame in what was read.
    fn frame(&mut self, limit: usize, deadline: Instant) -> io::Result<(usize, usize)> {
        self.fill(4, deadline)?;
        let head = self.read.get(self.used..self.used + 4).and_then(|head| head.try_into().ok()).unwrap_or_default();
        let length = u32::from_le_bytes(head) as usize;
        if length > limit {
            return Err(io::Error::other(format!("it wrote a frame of {length} bytes, allowed are {limit}")));
        }
        self.fill(4 + length, deadline)?;
        let start = self.used + 4;
        self.used = start + length;
        Ok((start, self.used))
    }

    /// Reads until this many bytes are there.
    fn fill(&mut self, count: usize, deadline: Instant) -> io::Result<()> {
        if self.read.len() - self.used >= count {
            return Ok(());
        }
        self.read.drain(..self.used);
        self.used = 0;
        let mut part = [0; 64 << 10];
        while self.read.len() < count {
            self.socket.set_read_timeout(Some(left(deadline)?))?;
            match self.socket.read(&mut part) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.read.extend_from_slice(part.get(..count).unwrap_or_default()),
                Err(error) => again(error)?,
            }
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl End {
    /// Whether this signal ended it.
    pub(crate) fn is_signal(self, signal: Signal) -> bool {
        self.0.and_then(|status| status.signal()) == Some(signal.as_raw())
    }

    /// Whether it ended by itself with this exit code.
    pub(crate) fn is_code(self, code: u8) -> bool {
        self.0.and_then(|status| status.code()) == Some(i32::from(code))
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.map(|status| (status.signal(), status.code())) {
            Some((Some(signal), _)) => write!(f, "signal {signal}"),
            Some((None, Some(code))) => write!(f, "exit code {code}"),
            _ => f.write_str("an unknown status"),
        }
    }
}

/// The time that is left; none is an error.
fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// What a read or a write that did nothing means: nothing yet, or an error.
fn again(error: io::Error) -> io::Result<()> {
    match error.kind() {
        // The socket's own time-out; `left` says so at the next turn.
        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Ok(()),
        _ => Err(error),
    }
}
