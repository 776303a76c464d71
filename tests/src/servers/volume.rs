//! A small disk of its own: a tmpfs that only the processes see that are started in its mount namespace.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Process, missing, program};

/// The disk. It ends with this value, and so must the processes on it before.
#[derive(Debug)]
pub struct Volume {
    at: PathBuf,
    /// Holds the namespace open.
    holder: Process,
    is_root: bool,
}

impl Volume {
    /// Mounts a disk of so many MiB over a folder; `None` when this machine forbids it, which is said.
    ///
    /// # Panics
    ///
    /// With `CI=true`, when it is forbidden.
    pub fn mount(at: &Path, mebibytes: u32) -> Option<Self> {
        program("unshare", "util-linux")?;
        std::fs::create_dir_all(at).expect("the test's folder can be written");
        let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.starts_with(b"0\n"));
        let ready = at.with_extension("mounted");
        let mut command = Command::new("unshare");
        if !is_root {
            command.args(["--user", "--map-root-user"]);
        }
        let script = format!("mount -t tmpfs -o size={mebibytes}m tmpfs \"$1\" && touch \"$2\" && exec sleep 3600");
        command.args(["--mount", "sh", "-c", &script, "sh"]).arg(at).arg(&ready);
        let mut holder = Process::start(&mut command, &at.with_extension("log"));
        let start = Instant::now();
        while !ready.exists() {
            if !holder.is_running() || start.elapsed() > Duration::from_secs(30) {
                let log = std::fs::read_to_string(at.with_extension("log")).unwrap_or_default();
                missing(&format!("a disk that is full: `mount` in a namespace is refused here: {}", log.trim()));
                return None;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(Self { at: at.to_owned(), holder, is_root })
    }

    /// The same program and arguments, started where the disk is seen.
    pub fn within(&self, command: &Command) -> Command {
        let mut within = self.enter();
        within.arg(command.get_program()).args(command.get_args()).current_dir("/");
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => within.env(name, value),
                None => within.env_remove(name),
            };
        }
        within
    }

    /// Writes until nothing more fits.
    ///
    /// # Panics
    ///
    /// When the disk does not become full.
    pub fn fill(&self) {
        let status = self.shell("dd if=/dev/zero of=\"$1/fill\" bs=4096; sync");
        assert!(status.contains("No space left on device"), "{status}");
    }

    /// Removes what filled it.
    pub fn free(&self) {
        self.shell("rm \"$1/fill\"");
    }

    /// Lets nobody write to it any more. Possible while no file is open for writing.
    pub fn set_read_only(&self) {
        let said = self.shell("mount -o remount,ro \"$1\"");
        assert!(said.is_empty(), "{said}");
    }

    /// The names of what lies in a folder of the disk, one a line.
    pub fn names(&self, folder: &str) -> String {
        self.shell(&format!("ls \"$1/{folder}\""))
    }

    fn shell(&self, script: &str) -> String {
        let output = self.enter().args(["sh", "-c", script, "sh"]).arg(&self.at).output().expect("nsenter was found");
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }

    fn enter(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.holder.id().to_string(), "--mount"]).stdin(Stdio::null());
        if !self.is_root {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.arg("--");
        command
    }
}
