//! The real servers that tests start: what a machine lacks is built or installed, once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::steps::{root, say};

/// Name of the folder with the built servers; another one is built anew.
const VERSION: &str = include_str!("../../cluster/VERSION");
const KUBERNETES: &str = "v1.34.4";
/// The programs, in the order in which they are built: they share most of their packages, and what most tests need
/// comes first.
const PROGRAMS: [(&str, Source); 7] = [
    ("control-plane", Source::Ours(".")),
    ("kwok", Source::Module("sigs.k8s.io/kwok/cmd/kwok@v0.7.0")),
    ("helm", Source::Module("helm.sh/helm/v3/cmd/helm@v3.19.0")),
    ("helm-reference", Source::Apart("helm-reference")),
    ("kubectl", Source::Ours("k8s.io/kubernetes/cmd/kubectl")),
    ("sealed-secrets-controller", Source::Module("github.com/bitnami-labs/sealed-secrets/cmd/controller@v0.27.1")),
    ("kubeseal", Source::Module("github.com/bitnami-labs/sealed-secrets/cmd/kubeseal@v0.27.1")),
];
/// What stands in for a control plane of ours (`tests/cluster/README.md`).
const INSTEAD: [&str; 2] = ["KUBEBUILDER_ASSETS", "RHUMB_TEST_KUBECONFIG"];
/// What is not built then.
const CONTROL_PLANE: [&str; 2] = ["control-plane", "kwok"];
/// Programs of Debian packages.
const PACKAGES: [(&str, &str); 2] = [("sshd", "openssh-server"), ("docker-registry", "docker-registry")];

/// Where a program is built from.
#[derive(Clone, Copy)]
enum Source {
    /// A package of the module `tests/cluster`.
    Ours(&'static str),
    /// A module of ours below `tests/`, built again when a file of it is newer than the program.
    Apart(&'static str),
    /// A package of the module proxy with its version, as it is.
    Module(&'static str),
}

impl Source {
    /// Whether the program is there and as new as its source.
    fn is_built(self, program: &Path) -> bool {
        let Self::Apart(module) = self else { return program.is_file() };
        let changed = |path: &Path| fs::metadata(path).and_then(|about| about.modified()).ok();
        let Some(built) = changed(program) else { return false };
        let sources = fs::read_dir(root().join("tests").join(module)).into_iter().flatten().flatten();
        sources.filter_map(|file| changed(&file.path())).all(|source| source <= built)
    }
}

/// A build under way.
pub(crate) struct Building(Option<(Child, PathBuf)>);

/// Starts to build the servers that are not there yet, beside whatever else goes on, and installs packages.
///
/// What cannot be had is said; the tests that need it say so too, and fail with `CI=true`.
pub(crate) fn start() -> Building {
    packages();
    let Some(folder) = folder() else { return Building(None) };
    let instead = INSTEAD.iter().any(|name| std::env::var_os(name).is_some());
    let wanted = PROGRAMS.iter().filter(|(name, _)| !(instead && CONTROL_PLANE.contains(name)));
    let lacking: Vec<(&str, Source)> =
        wanted.filter(|(name, source)| !source.is_built(&folder.join(name))).copied().collect();
    if lacking.is_empty() {
        return Building(None);
    }
    let names: Vec<&str> = lacking.iter().map(|(name, _)| *name).collect();
    say(&format!(
        "building {} for the tests, beside the rest (once; some fifteen minutes for all of them)",
        names.join(", ")
    ));
    match build(&folder, &lacking) {
        Ok(child) => Building(Some((child, folder))),
        Err(message) => {
            say(&format!("not built: {message}\n    hint: install Go 1.24 or newer (https://go.dev)"));
            Building(None)
        }
    }
}

impl Building {
    /// Waits until the servers are there.
    pub(crate) fn finish(self) -> Result<(), String> {
        let Some((mut child, folder)) = self.0 else { return Ok(()) };
        say("waiting for the servers to be built");
        match child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(_) => Err(format!("the servers were not built; see {}", log(&folder).display())),
            Err(error) => Err(format!("failed to wait for `go`: {error}")),
        }
    }
}

/// Where built servers are kept; the tests look in the same place (`tests/src/servers/control_plane.rs`).
fn folder() -> Option<PathBuf> {
    let cache = ["RHUMB_TEST_CACHE", "XDG_CACHE_HOME"].iter().find_map(std::env::var_os).map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    Some(cache.or_else(home)?.join("rhumb").join(VERSION.trim()))
}

/// The real `helm`, when it is built.
pub(crate) fn helm() -> Option<PathBuf> {
    folder().map(|folder| folder.join("helm")).filter(|helm| helm.is_file())
}

/// One shell, so that the builds follow each other.
fn build(folder: &Path, lacking: &[(&str, Source)]) -> Result<Child, String> {
    fs::create_dir_all(folder).map_err(|error| format!("failed to make `{}`: {error}", folder.display()))?;
    let version = "k8s.io/component-base/version";
    let flags = format!(
        "-s -w -X {version}.gitVersion={KUBERNETES} -X {version}.gitMajor=1 -X {version}.gitMinor=34 \
         -X {version}.gitTreeState=clean -X {version}.buildDate=1970-01-01T00:00:00Z"
    );
    // Built beside and moved, so that a build that was cut short leaves nothing that looks whole.
    let mut script = "set -e\nparts=$(mktemp -d \"$FOLDER.parts.XXXXXX\")\ntrap 'rm -rf \"$parts\"' EXIT\n".to_owned();
    for (name, source) in lacking {
        match source {
            Source::Ours(package) => {
                script.push_str(&format!("go build -o \"$parts/{name}\" -ldflags '{flags}' {package}\n"));
            }
            Source::Apart(module) => {
                script.push_str(&format!("go build -C ../{module} -o \"$parts/{name}\" -ldflags '-s -w' .\n"));
            }
            Source::Module(package) => {
                let path = package.split('@').next().unwrap_or(package);
                let built = path.rsplit('/').next().unwrap_or(path);
                script.push_str(&format!("GOBIN=\"$parts\" go install -ldflags '-s -w' {package}\n"));
                if built != *name {
                    script.push_str(&format!("mv \"$parts/{built}\" \"$parts/{name}\"\n"));
                }
            }
        }
        script.push_str(&format!("mv \"$parts/{name}\" \"$FOLDER/{name}\"\n"));
    }
    let go = Command::new("go").arg("version").stdout(Stdio::null()).status();
    go.map_err(|error| format!("failed to start `go`: {error}"))?;
    let mut command = Command::new("sh");
    command.args(["-c", &script]).current_dir(root().join("tests/cluster")).env("FOLDER", folder);
    // The lines about downloads would stand between those of cargo.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log_file(folder));
    command.spawn().map_err(|error| format!("failed to start `sh`: {error}"))
}

fn log_file(folder: &Path) -> Stdio {
    fs::File::create(log(folder)).map_or_else(|_| Stdio::inherit(), Stdio::from)
}

fn log(folder: &Path) -> PathBuf {
    folder.with_file_name(format!("{}.log", VERSION.trim()))
}

/// Installs the packages of programs that are missing, where that needs no password.
fn packages() {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).chain(["/usr/sbin".into()]).collect();
    let is_there = |name: &str| folders.iter().any(|folder| folder.join(name).is_file());
    let wanted: Vec<&str> = PACKAGES.iter().filter(|(name, _)| !is_there(name)).map(|(_, package)| *package).collect();
    if wanted.is_empty() || !is_there("apt-get") {
        return;
    }
    say(&format!("installing {}, which tests talk to", wanted.join(" and ")));
    let install = |words: &[&str]| {
        let Some((program, before)) = words.split_first() else { return false };
        let mut command = Command::new(program);
        command.args(before).args(["install", "-y", "--no-install-recommends"]).args(&wanted);
        command.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null()).stdout(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let refreshed = |words: &[&str], update: &[&str]| {
        install(words) || {
            let (program, rest) = update.split_first().unwrap_or((&"true", &[]));
            let _ = Command::new(program).args(rest).stdout(Stdio::null()).status();
            install(words)
        }
    };
    let done = refreshed(&["apt-get"], &["apt-get", "update"])
        || refreshed(&["sudo", "-n", "apt-get"], &["sudo", "-n", "apt-get", "update"]);
    if !done {
        say(&format!("they could not be installed; run `sudo apt-get install {}`", wanted.join(" ")));
    }
}
