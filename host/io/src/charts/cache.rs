//! Archives on disk, by digest.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rhumb_core::id::Digest;

use super::{ARCHIVE_LIMIT, CACHE_LIMIT};

/// The archive with this digest; `None` when it isn't there, or isn't what it was.
pub(super) fn get(dir: &Path, digest: &Digest) -> Option<Vec<u8>> {
    let path = path(dir, digest);
    if std::fs::metadata(&path).ok()?.len() > ARCHIVE_LIMIT as u64 {
        return None;
    }
    let data = std::fs::read(&path).ok()?;
    if Digest::of(&data) != *digest {
        tracing::warn!(path = %path.display(), "left out a cached chart that has changed");
        return None;
    }
    Some(data)
}

/// Keeps an archive and drops the oldest beyond the bound. A cache that cannot be written is only slower.
pub(super) fn put(dir: &Path, digest: &Digest, data: &[u8]) {
    if let Err(error) = write(dir, digest, data) {
        tracing::warn!(dir = %dir.display(), %error, "failed to cache a chart");
    }
}

fn write(dir: &Path, digest: &Digest, data: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let path = path(dir, digest);
    // A killed process leaves the temporary file only; the next one writes over it.
    let partial = path.with_extension("partial");
    std::fs::write(&partial, data)?;
    std::fs::rename(&partial, &path)?;
    prune(dir)
}

fn prune(dir: &Path) -> std::io::Result<()> {
    let mut files: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        files.push((entry.metadata()?.modified()?, entry.path()));
    }
    files.sort();
    let n_extra = files.len().saturating_sub(CACHE_LIMIT);
    for (_, path) in files.into_iter().take(n_extra) {
        std::fs::remove_file(path)?;
    }
    Ok(())
}

fn path(dir: &Path, digest: &Digest) -> PathBuf {
    dir.join(format!("{}.tgz", digest.as_str().trim_start_matches("sha256:")))
}
