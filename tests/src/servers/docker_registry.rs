//! Docker's own registry (the Debian package `docker-registry`), with and without TLS, password and notifications.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use super::{Process, free_port, program};

/// The user of a registry that asks.
pub const USER: &str = "rhumb";
/// The user's password.
pub const PASSWORD: &str = "a registry password";
/// The line of `htpasswd` for them; the registry takes bcrypt only.
const HTPASSWD: &str = "rhumb:$2b$05$8fLVRDzqKEKSF14gU8w9PuB8xvLPWWmpMIVNIXuvX.QcurkPt8D0S";
/// Longest time that it may take to answer.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How a registry is set up.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whether it asks for [`USER`] and [`PASSWORD`].
    pub access: Access,
    /// How it is spoken to.
    pub transport: Transport,
    /// Where it reports pushes, with the value of the `Authorization` header.
    pub notify: Option<(String, String)>,
}

/// Whom a registry answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    #[default]
    Open,
    /// Who knows the password.
    Password,
}

/// How a registry is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// In the clear.
    #[default]
    Http,
    /// With a certificate of an authority of its own.
    Https,
}

/// A running registry.
#[derive(Debug)]
pub struct DockerRegistry {
    options: Options,
    folder: tempfile::TempDir,
    port: u16,
    process: Option<Process>,
}

impl DockerRegistry {
    /// Starts one; `None` when the machine lacks it (see [`program`]).
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start(options: Options) -> Option<Self> {
        program("docker-registry", "docker-registry")?;
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        fs::write(folder.path().join("htpasswd"), format!("{HTPASSWD}\n")).expect("the folder can be written");
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]);
        let made = made.expect("a certificate can be made");
        fs::write(folder.path().join("cert.pem"), made.cert.pem()).expect("the folder can be written");
        fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).expect("the folder can be written");
        let mut registry = Self { options, folder, port: free_port(), process: None };
        registry.up();
        Some(registry)
    }

    /// Starts it again after [`DockerRegistry::stop`], at the same address and with the same content.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn up(&mut self) {
        let config = self.folder.path().join("config.yml");
        fs::write(&config, self.config()).expect("the folder can be written");
        let mut command = Command::new(program("docker-registry", "docker-registry").expect("it was there before"));
        command.arg("serve").arg(&config);
        self.process = Some(Process::start(&mut command, &self.folder.path().join("log")));
        let start = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let running = self.process.as_mut().is_some_and(Process::is_running);
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(running && start.elapsed() < START_LIMIT, "docker-registry did not start: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills it. Its content stays.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// `127.0.0.1:<port>`.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// With the scheme, as `ci-mock` and a mirror take it.
    pub fn address(&self) -> String {
        match self.options.transport {
            Transport::Http => self.host(),
            Transport::Https => format!("https://{}", self.host()),
        }
    }

    /// The certificate to trust, as a PEM file.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// Deletes a manifest, as a cleaning job would.
    ///
    /// # Panics
    ///
    /// When the registry refuses it.
    pub async fn delete(&self, repository: &str, digest: &str) {
        let url = format!("http://{}/v2/{repository}/manifests/{digest}", self.host());
        let client = rhumb_io::web::client(START_LIMIT).expect("a client can be made");
        let answer = client.delete(url).basic_auth(USER, Some(PASSWORD)).send().await.expect("the registry answers");
        assert!(answer.status().is_success(), "{answer:?}");
    }

    /// How many requests it answered so far.
    pub fn n_requests(&self) -> usize {
        // One line of its access log each.
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        log.lines().filter(|line| line.contains(" HTTP/1.1\" ")).count()
    }

    fn config(&self) -> String {
        let folder = self.folder.path().display();
        let mut text = format!(
            "version: 0.1\nlog: {{level: warn}}\n\
             storage: {{filesystem: {{rootdirectory: \"{folder}/content\"}}, delete: {{enabled: true}}}}\n\
             http:\n  addr: {}\n  secret: of this test\n",
            self.host()
        );
        if self.options.transport == Transport::Https {
            let _ = writeln!(text, "  tls: {{certificate: \"{folder}/cert.pem\", key: \"{folder}/key.pem\"}}");
        }
        if self.options.access == Access::Password {
            let _ = writeln!(text, "auth: {{htpasswd: {{realm: test, path: \"{folder}/htpasswd\"}}}}");
        }
        if let Some((url, authorization)) = &self.options.notify {
            let _ = writeln!(
                text,
                "notifications:\n  endpoints:\n    - {{name: rhumb, url: \"{url}\", timeout: 5s, threshold: 3, \
                 backoff: 1s, headers: {{Authorization: [\"{authorization}\"]}}}}"
            );
        }
        text
    }
}
