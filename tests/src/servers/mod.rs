//! Real servers that tests start on 127.0.0.1 and stop again, and what a machine must have for them.

pub mod control_plane;
pub mod docker_registry;
pub mod fault_proxy;
pub mod git_http;
mod instead;
pub mod repository;
pub mod sealed_secrets;
pub mod sshd;
mod tls;
pub mod volume;

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A server's process, which ends with this value.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Starts a server with its output in a file of that name in the folder.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn start(command: &mut Command, log: &std::path::Path) -> Self {
        let file = std::fs::File::create(log).expect("the test's folder can be written");
        let errors = file.try_clone().expect("a file can be opened twice");
        let child = command.stdin(Stdio::null()).stdout(file).stderr(errors).spawn();
        Self(child.unwrap_or_else(|error| panic!("failed to start {command:?}: {error}")))
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port of 127.0.0.1 that nobody listens on now.
///
/// # Panics
///
/// When there is none.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("a listener has an address").port()
}

/// What the built programs are, so that a change of them is built anew.
const VERSION: &str = include_str!("../../cluster/VERSION");

/// Programs that `cargo xtask servers` built; `None` when one of them is not there, which is said, and with `CI=true`
/// is a failure.
///
/// # Panics
///
/// With `CI=true`, when one is missing.
pub fn built<const N: usize>(names: [&str; N]) -> Option<[PathBuf; N]> {
    let cache = ["RHUMB_TEST_CACHE", "XDG_CACHE_HOME"].iter().find_map(std::env::var_os).map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let folder = cache.or_else(home)?.join("rhumb").join(VERSION.trim());
    let paths = names.map(|name| folder.join(name));
    for path in &paths {
        if !path.is_file() {
            missing(&format!(
                "`{}` is not built; run `cargo xtask servers`, which takes some minutes once",
                path.display()
            ));
            return None;
        }
    }
    Some(paths)
}

/// Where a program lies, or `None` when this machine lacks it: then the test says what it did not prove, and with
/// `CI=true` it fails.
///
/// # Panics
///
/// With `CI=true`, when the program is missing.
pub fn program(name: &str, package: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian keeps servers where an ordinary user's PATH does not lead.
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    if found.is_none() {
        missing(&format!("`{name}` is missing; install it with `apt-get install {package}`"));
    }
    found
}

/// Says what could not be proved and how to get what it needs; with `CI=true` that is a failure.
///
/// # Panics
///
/// With `CI=true`.
pub(crate) fn missing(what: &str) {
    let text = format!("not proved: {what}");
    assert!(std::env::var("CI").is_err(), "{text}");
    write_note(&text);
}

#[allow(clippy::print_stderr, reason = "the one place where a test tells what it did not prove")]
fn write_note(text: &str) {
    eprintln!("{text}");
}
