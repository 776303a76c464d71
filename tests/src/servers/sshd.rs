//! OpenSSH's server as the user that runs the tests, for git alone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::{Process, free_port, program};

/// Where it comes from on Debian.
const PACKAGE: &str = "openssh-server";

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Fetch and push.
    Write,
    /// Fetch; a push is refused in the words of a well-known host.
    Read,
}

/// Whether this machine has what it takes; says what was not proved when it hasn't.
pub fn is_there() -> bool {
    program("sshd", PACKAGE).is_some() && program("git-shell", "git").is_some()
}

/// A running `sshd`.
#[derive(Debug)]
pub struct Sshd {
    folder: PathBuf,
    port: u16,
    process: Option<Process>,
    versions: &'static str,
}

impl Sshd {
    /// Starts one with a new host key in this folder. It knows nobody.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub fn start(folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("the folder can be made");
        let mut server =
            Self { folder: folder.to_owned(), port: free_port(), process: None, versions: "AcceptEnv GIT_PROTOCOL" };
        server.make_host_key();
        fs::write(folder.join("authorized_keys"), "").expect("the folder can be written to");
        server.write_commands();
        server.up();
        server
    }

    /// The port of 127.0.0.1 that it listens at.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a repository on this machine.
    pub fn url(&self, repository: &Path) -> String {
        format!("ssh://{}@127.0.0.1:{}{}", user(), self.port, repository.display())
    }

    /// Lets a key in, given as its line of `authorized_keys`; earlier keys are forgotten.
    pub fn admit(&self, public_key: &str, permission: Permission) {
        let command = match permission {
            Permission::Write => self.folder.join("write"),
            Permission::Read => self.folder.join("read"),
        };
        let line = format!("command=\"{}\",restrict {public_key}\n", command.display());
        fs::write(self.folder.join("authorized_keys"), line).expect("the folder can be written to");
    }

    /// How many pushes of keys that may only read came so far.
    pub fn n_refused(&self) -> usize {
        fs::read_to_string(self.folder.join("refused")).unwrap_or_default().lines().count()
    }

    /// How many clients it let in so far.
    pub fn n_logins(&self) -> usize {
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        log.lines().filter(|line| line.contains("Accepted publickey")).count()
    }

    /// The line of `known_hosts` by which clients know it.
    pub fn known_hosts(&self) -> String {
        let key = fs::read_to_string(self.folder.join("host_key.pub")).expect("the host key is there");
        let key: Vec<&str> = key.split_whitespace().take(2).collect();
        format!("[127.0.0.1]:{} {}\n", self.port, key.join(" "))
    }

    /// Stops it.
    pub fn down(&mut self) {
        self.process = None;
    }

    /// Starts it again at the same port.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub fn up(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            self.launch();
            while Instant::now() < deadline && self.runs() {
                if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "sshd does not come up: {log}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Takes another host key from the next start on.
    pub fn change_host_key(&self) {
        for name in ["host_key", "host_key.pub"] {
            fs::remove_file(self.folder.join(name)).expect("the host key is there");
        }
        self.make_host_key();
    }

    /// Lets nobody ask for a newer version of git's protocol from now on, as many servers do.
    pub fn speak_version_zero(&mut self) {
        self.versions = "";
        self.down();
        self.up();
    }

    fn make_host_key(&self) {
        let keygen = program("ssh-keygen", PACKAGE).expect("sshd comes with it");
        let made = Command::new(keygen)
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(self.folder.join("host_key"))
            .status()
            .expect("ssh-keygen runs");
        assert!(made.success(), "ssh-keygen makes a key");
    }

    fn write_commands(&self) {
        let write = "#!/bin/sh\nexec git-shell -c \"$SSH_ORIGINAL_COMMAND\"\n";
        let refused = self.folder.join("refused");
        let read = "#!/bin/sh\ncase \"$SSH_ORIGINAL_COMMAND\" in\n\
            git-upload-pack*) exec git-shell -c \"$SSH_ORIGINAL_COMMAND\";;\n\
            *) echo push >> 'REFUSED'; echo 'ERROR: The key you are authenticating with has been marked as read only.' >&2; exit 1;;\nesac\n";
        let read = read.replace("REFUSED", &refused.display().to_string());
        for (name, text) in [("write", write), ("read", read.as_str())] {
            let path = self.folder.join(name);
            fs::write(&path, text).expect("the folder can be written to");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("the file is ours");
        }
    }

    fn launch(&mut self) {
        let folder = self.folder.display();
        let config = format!(
            "Port {}\nListenAddress 127.0.0.1\nHostKey {folder}/host_key\nAuthorizedKeysFile {folder}/authorized_keys\n\
             PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             MaxStartups 500\n{}\nSetEnv GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1\n",
            self.port, self.versions
        );
        fs::write(self.folder.join("config"), config).expect("the folder can be written to");
        // Started by root, sshd wants its folder, which a package's start script makes.
        if user() == "root" {
            let _ = fs::create_dir_all("/run/sshd");
        }
        let mut command = Command::new(program("sshd", PACKAGE).expect("the caller has asked for it"));
        command.args(["-D", "-e", "-f"]).arg(self.folder.join("config"));
        self.process = Some(Process::start(&mut command, &self.folder.join("log")));
    }

    fn runs(&mut self) -> bool {
        self.process.as_mut().is_some_and(Process::is_running)
    }
}

fn user() -> String {
    let output = Command::new("id").arg("-un").output().expect("`id` is part of every system");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
