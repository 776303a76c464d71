//! Components that came over the network, kept in the state folder: a restart needs neither registry nor web server for
//! what its objects pin.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rhumb_core::id::Digest;

/// Most components that are kept.
const FILES: usize = 128;

/// A folder of components by what they were asked for.
#[derive(Debug)]
pub struct Kept {
    folder: PathBuf,
}

impl Kept {
    /// Opens or makes the folder.
    pub fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// The bytes that were kept for this, unless there are more than `limit` of them or they are no longer what they were.
    pub(super) fn get(&self, asked: &Digest, limit: usize) -> Option<Vec<u8>> {
        let mut file = File::open(self.path(asked)).ok()?;
        let mut digest = [0; 64];
        file.read_exact(&mut digest).ok()?;
        let mut bytes = Vec::new();
        file.take(limit as u64 + 1).read_to_end(&mut bytes).ok()?;
        (bytes.len() <= limit && hex_of(&Digest::of(&bytes)).as_bytes() == digest).then_some(bytes)
    }

    /// Keeps bytes, and forgets the oldest when there are too many. To keep nothing costs a request later, so that it
    /// failed is only told.
    pub(super) fn put(&self, asked: &Digest, bytes: &[u8]) {
        if let Err(error) = self.write(asked, bytes).and_then(|()| self.prune()) {
            tracing::warn!(%error, folder = %self.folder.display(), "failed to keep a component");
        }
    }

    fn write(&self, asked: &Digest, bytes: &[u8]) -> io::Result<()> {
        let unfinished = self.folder.join(format!("{}.unfinished", hex_of(asked)));
        let mut file = File::create(&unfinished)?;
        file.write_all(hex_of(&Digest::of(bytes)).as_bytes())?;
        file.write_all(bytes)?;
        fs::rename(unfinished, self.path(asked))
    }

    fn prune(&self) -> io::Result<()> {
        let mut files: Vec<(SystemTime, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            files.push((entry.metadata()?.modified()?, entry.path()));
        }
        files.sort();
        let surplus = files.len().saturating_sub(FILES);
        files.into_iter().take(surplus).try_for_each(|(_, path)| fs::remove_file(path))
    }

    fn path(&self, asked: &Digest) -> PathBuf {
        self.folder.join(hex_of(asked))
    }
}

fn hex_of(digest: &Digest) -> &str {
    digest.as_str().trim_start_matches("sha256:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_what_it_kept_and_nothing_that_was_changed_or_is_too_large() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::open(&folder.path().join("components")).unwrap();
        let asked = Digest::of("registry.example.com/a:1");
        assert_eq!(kept.get(&asked, 10), None);
        kept.put(&asked, b"bytes");
        assert_eq!(kept.get(&asked, 5).as_deref(), Some(b"bytes".as_slice()));
        assert_eq!(kept.get(&asked, 4), None);
        assert_eq!(kept.get(&Digest::of("registry.example.com/a:2"), 5), None);
        let path = kept.path(&asked);
        let mut whole = fs::read(&path).unwrap();
        *whole.last_mut().unwrap() ^= 1;
        fs::write(&path, whole).unwrap();
        assert_eq!(kept.get(&asked, 5), None);
    }

    #[test]
    fn forgets_the_oldest() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::open(folder.path()).unwrap();
        let asked = |n: usize| Digest::of(n.to_string());
        for n in 0..FILES {
            kept.put(&asked(n), b"a");
            let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(n as u64);
            File::open(kept.path(&asked(n))).unwrap().set_modified(at).unwrap();
        }
        assert!(kept.get(&asked(0), 1).is_some());
        kept.put(&asked(FILES), b"a");
        assert_eq!(kept.get(&asked(0), 1), None);
        assert!(kept.get(&asked(1), 1).is_some() && kept.get(&asked(FILES), 1).is_some());
    }
}
