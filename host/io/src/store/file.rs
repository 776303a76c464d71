//! The file: opening it, and setting a damaged one aside.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::{Database, ReadTransaction, ReadableDatabase as _, WriteTransaction};

use super::error::{Error, Step};
use super::rows;

/// Memory for the file's pages.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

/// The store. Shared between threads behind an `Arc`; calls block for a disk write at most.
#[derive(Debug)]
pub struct Store {
    database: Database,
}

impl Store {
    /// Opens the file or begins a new one.
    ///
    /// A damaged file is renamed to `<name>.damaged-<n>` with a warning, and a new one is begun.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let place = |source| Error::Place { path: path.display().to_string(), source };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(place)?;
        }
        match open(path) {
            Ok(database) => Ok(Self { database }),
            Err(Broken::Damaged(reason)) => {
                let aside = aside(path);
                tracing::warn!(path = %path.display(), aside = %aside.display(), reason, "set a damaged store aside");
                std::fs::rename(path, &aside).map_err(place)?;
                let again = open(path).map_err(|broken| broken.into_error(path))?;
                Ok(Self { database: again })
            }
            Err(broken) => Err(broken.into_error(path)),
        }
    }

    /// Runs one transaction that only reads.
    pub(super) fn read<T>(
        &self,
        attempt: &'static str,
        work: impl FnOnce(&ReadTransaction) -> Result<T, Step>,
    ) -> Result<T, Error> {
        let run = || work(&self.database.begin_read()?);
        run().map_err(|step: Step| step.into_error(attempt))
    }

    /// Runs one transaction that is on the disk when this returns.
    pub(super) fn write<T>(
        &self,
        attempt: &'static str,
        work: impl FnOnce(&WriteTransaction) -> Result<T, Step>,
    ) -> Result<T, Error> {
        let run = || {
            let transaction = self.database.begin_write()?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        run().map_err(|step: Step| step.into_error(attempt))
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
