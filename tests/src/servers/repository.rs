//! Repositories, and the real `git` working on them as any other writer would.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The branch of every repository here.
pub const BRANCH: &str = rhumb_sim::git::BRANCH;

/// A bare repository.
#[derive(Debug)]
pub struct Repository {
    path: PathBuf,
}

/// A clone with a work tree.
#[derive(Debug)]
pub struct Clone {
    path: PathBuf,
}

impl Repository {
    /// Makes one with a first commit of these files.
    ///
    /// # Panics
    ///
    /// When git does not do it.
    pub fn create(path: &Path, files: &[(&str, &str)]) -> Self {
        std::fs::create_dir_all(path).expect("the folder can be made");
        run(path, ["init", "--quiet", "--bare", "--initial-branch", BRANCH, "."]);
        // For `git http-backend`, which would else take pushes of known users only.
        run(path, ["config", "http.receivepack", "true"]);
        let repository = Self { path: path.to_owned() };
        let clone = repository.clone_to(&path.with_extension("seed"));
        clone.commit(files, "first");
        assert!(clone.push(), "the first push finds an empty branch");
        repository
    }

    /// One that is there.
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Clones it by its path.
    ///
    /// # Panics
    ///
    /// When git does not do it.
    pub fn clone_to(&self, path: &Path) -> Clone {
        std::fs::create_dir_all(path).expect("the folder can be made");
        run(path, ["init", "--quiet", "--initial-branch", BRANCH, "."]);
        run(path, [OsStr::new("remote"), "add".as_ref(), "origin".as_ref(), self.path.as_os_str()]);
        let clone = Clone { path: path.to_owned() };
        if !self.log().is_empty() {
            run(path, ["fetch", "--quiet", "origin", BRANCH]);
            run(path, ["reset", "--quiet", "--hard", "FETCH_HEAD"]);
        }
        clone
    }

    /// Subjects of the branch's commits, newest first.
    pub fn log(&self) -> Vec<String> {
        let (done, text) = attempt(&self.path, ["log", "--format=%s", BRANCH]);
        if done { text.lines().map(str::to_owned).collect() } else { Vec::new() }
    }

    /// The commit at the branch.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn head(&self) -> String {
        run(&self.path, ["rev-parse", BRANCH]).trim().to_owned()
    }

    /// A file at the head of the branch.
    pub fn text(&self, path: &str) -> Option<String> {
        let (done, text) = attempt(&self.path, ["show", &format!("{BRANCH}:{path}")]);
        done.then_some(text)
    }

    /// Writes a hook.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub fn hook(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.path.join("hooks").join(name);
        std::fs::create_dir_all(self.path.join("hooks")).expect("the repository is ours");
        std::fs::write(&path, script).expect("the repository is ours");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("the file is ours");
    }
}

impl Clone {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs git in it.
    ///
    /// # Panics
    ///
    /// When git fails.
    pub fn git<const N: usize>(&self, arguments: [&str; N]) -> String {
        run(&self.path, arguments)
    }

    /// Commits files with this content.
    ///
    /// # Panics
    ///
    /// When git does not do it.
    pub fn commit(&self, files: &[(&str, &str)], message: &str) {
        for (path, text) in files {
            let path = self.path.join(path);
            std::fs::create_dir_all(path.parent().expect("it is below the clone")).expect("the clone is ours");
            std::fs::write(path, text).expect("the clone is ours");
        }
        self.commit_all(message);
    }

    /// Commits what is in the work tree.
    ///
    /// # Panics
    ///
    /// When git does not do it.
    pub fn commit_all(&self, message: &str) {
        run(&self.path, ["add", "--all"]);
        run(&self.path, ["commit", "--quiet", "--allow-empty", "--message", message]);
    }

    /// Brings the branch up to date and puts own commits on top of it.
    ///
    /// # Panics
    ///
    /// When git does not do it.
    pub fn pull(&self) {
        run(&self.path, ["fetch", "--quiet", "origin", BRANCH]);
        run(&self.path, ["rebase", "--quiet", "FETCH_HEAD"]);
    }

    /// Pushes the branch; `false` when another writer was faster.
    pub fn push(&self) -> bool {
        attempt(&self.path, ["push", "--quiet", "origin", &format!("HEAD:refs/heads/{BRANCH}")]).0
    }

    /// Pushes in place of what is there.
    ///
    /// # Panics
    ///
    /// When git does not do it.
    pub fn force(&self) {
        run(&self.path, ["push", "--quiet", "--force", "origin", &format!("HEAD:refs/heads/{BRANCH}")]);
    }
}

/// `git` with nothing of the user's or the machine's configuration.
pub(super) fn git(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .args(["-c", "user.name=Other", "-c", "user.email=other@example.com", "-c", "gc.auto=0"]);
    command
}

fn attempt<const N: usize, S: AsRef<OsStr>>(folder: &Path, arguments: [S; N]) -> (bool, String) {
    let output = git(folder).args(arguments).output().expect("git runs");
    let text = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

fn run<const N: usize, S: AsRef<OsStr>>(folder: &Path, arguments: [S; N]) -> String {
    let shown: Vec<String> = arguments.iter().map(|a| a.as_ref().to_string_lossy().into_owned()).collect();
    let (done, text) = attempt(folder, arguments);
    assert!(done, "git {shown:?} in {}: {text}", folder.display());
    text
}
