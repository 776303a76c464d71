//! The file: opening it, and setting a damaged one aside.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use redb::{Database, ReadTransaction, ReadableDatabase as _, WriteTransaction};
use rhumb_core::chain::chain;

use super::error::{Error, Step};
use super::rows;

/// Memory for the file's pages.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

/// The store. Shared between threads behind an `Arc`; calls block for a disk write at most.
///
/// A disk that was full or a file that was deleted is no end: the call that meets it fails or begins a new file, and
/// each later call tries to open the file again.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    /// `None` after an I/O error, from which the library does not recover while the file is open.
    database: RwLock<Option<Database>>,
    /// What went wrong last, until something can be written again: said once, not at each attempt.
    complaint: Mutex<Option<String>>,
}

impl Store {
    /// Opens the file or begins a new one.
    ///
    /// A damaged file is renamed to `<name>.damaged-<n>` with a warning, and a new one is begun.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let database = RwLock::new(Some(open_or_begin(path)?));
        Ok(Self { path: path.to_owned(), database, complaint: Mutex::default() })
    }

    /// Runs one transaction that only reads.
    pub(super) fn read<T>(
        &self,
        attempt: &'static str,
        work: impl FnOnce(&ReadTransaction) -> Result<T, Step>,
    ) -> Result<T, Error> {
        self.run(attempt, |database| work(&database.begin_read()?))
    }

    /// Runs one transaction that is on the disk when this returns.
    pub(super) fn write<T>(
        &self,
        attempt: &'static str,
        work: impl FnOnce(&WriteTransaction) -> Result<T, Step>,
    ) -> Result<T, Error> {
        let value = self.run(attempt, |database| {
            let transaction = database.begin_write()?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        })?;
        if self.complaint().take().is_some() {
            tracing::info!(path = %self.path.display(), "the store can be written again");
        }
        Ok(value)
    }

    fn run<T>(&self, attempt: &'static str, work: impl FnOnce(&Database) -> Result<T, Step>) -> Result<T, Error> {
        self.reopen().inspect_err(|error| self.complain(error))?;
        let result = match self.database.read().unwrap_or_else(PoisonError::into_inner).as_ref() {
            Some(database) => work(database),
            // Another thread has met an error in between.
            None => Err(Step::Redb(redb::Error::PreviousIo)),
        };
        result.map_err(|step| {
            let ends = step.ends_the_file();
            let error = step.into_error(attempt);
            if ends {
                *self.database.write().unwrap_or_else(PoisonError::into_inner) = None;
            }
            if error.is_told() {
                self.complain(&error);
            }
            error
        })
    }

    fn complain(&self, error: &Error) {
        let text = chain(error);
        if self.complaint().replace(text.clone()).is_none() {
            tracing::warn!(path = %self.path.display(), error = text, "the store failed; tried again with each use");
        }
    }

    fn complaint(&self) -> MutexGuard<'_, Option<String>> {
        self.complaint.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the file when it is not open, and begins a new one when somebody has deleted it.
    fn reopen(&self) -> Result<(), Error> {
        let is_usable = |database: &Option<Database>| database.is_some() && self.path.exists();
        if is_usable(&self.database.read().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(());
        }
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        if is_usable(&database) {
            return Ok(());
        }
        if database.take().is_some() {
            tracing::warn!(path = %self.path.display(), "the store was deleted; a new one is begun");
        }
        *database = Some(open_or_begin(&self.path)?);
        Ok(())
    }
}

fn open_or_begin(path: &Path) -> Result<Database, Error> {
    let place = |source| Error::Place { path: path.display().to_string(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(place)?;
    }
    match open(path) {
        Err(Broken::Damaged(reason)) => {
            let aside = aside(path);
            tracing::warn!(path = %path.display(), aside = %aside.display(), reason, "set a damaged store aside");
            std::fs::rename(path, &aside).map_err(place)?;
            open(path).map_err(|broken| broken.into_error(path))
        }
        opened => opened.map_err(|broken| broken.into_error(path)),
    }
}

enum Broken {
    Damaged(String),
    InUse,
    Other(Box<redb::Error>),
}

impl Broken {
    fn into_error(self, path: &Path) -> Error {
        let path = path.display().to_string();
        match self {
            Self::Damaged(reason) => Error::Place { path, source: std::io::Error::other(reason) },
            Self::InUse => Error::InUse { path },
            Self::Other(source) => Error::Open { path, source },
        }
    }
}

fn open(path: &Path) -> Result<Database, Broken> {
    // The library checks its own invariants with assertions; on a damaged file those are an answer, not a defect.
    let opened = catch_unwind(AssertUnwindSafe(|| -> Result<Database, redb::Error> {
        let database = Database::builder().set_cache_size(CACHE_BYTES).create(path)?;
        rows::create_tables(&database)?;
        Ok(database)
    }));
    match opened {
        Ok(Ok(database)) => Ok(database),
        Ok(Err(error)) => Err(sort(error)),
        Err(_) => Err(Broken::Damaged("its pages contradict each other".to_owned())),
    }
}

fn sort(error: redb::Error) -> Broken {
    match error {
        redb::Error::DatabaseAlreadyOpen => Broken::InUse,
        redb::Error::Io(ref inner)
            if !matches!(inner.kind(), std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof) =>
        {
            Broken::Other(Box::new(error))
        }
        redb::Error::Corrupted(_)
        | redb::Error::Io(_)
        | redb::Error::RepairAborted
        | redb::Error::UpgradeRequired(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TypeDefinitionChanged { .. } => Broken::Damaged(error.to_string()),
        other => Broken::Other(Box::new(other)),
    }
}

/// The first free name of the form `<name>.damaged-<n>`.
fn aside(path: &Path) -> PathBuf {
    let named = |n: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".damaged-{n}"));
        PathBuf::from(name)
    };
    (1..1000).map(named).find(|path| !path.exists()).unwrap_or_else(|| named(1000))
}
