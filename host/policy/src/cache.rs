//! Compiled code on disk, authenticated.
//!
//! Compiled code runs as native code, so an entry is loaded only when it carries the mark of a key that stands beside it
//! and that only this user can read. A foreign, damaged or renamed entry is the same as none.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use rand::RngCore;
use rhumb_core::id::Digest;
use sha2::Sha256;

const KEY_FILE: &str = "key";
const KEY_BYTES: usize = 32;
const MARK_BYTES: usize = 32;

/// Largest entry that is read: the code of a component of 4 MiB and then some.
const ENTRY_BYTES: u64 = 256 << 20;

/// A folder of compiled code.
pub(crate) struct Cache {
    folder: PathBuf,
    key: [u8; KEY_BYTES],
}

impl Cache {
    /// Opens or makes the folder (mode 0700) and its key (mode 0600).
    pub(crate) fn open(folder: &Path) -> Result<Self, (PathBuf, io::Error)> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |error| (path, error)
        };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(at(folder))?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(at(folder))?;
        let path = folder.join(KEY_FILE);
        let key = match read_key(&path) {
            Ok(key) => key,
            Err(_) => {
                let key = new_key(&path).map_err(at(&path))?;
                // Two processes may have made one at the same time; what lies there now counts.
                read_key(&path).unwrap_or(key)
            }
        };
        Ok(Self { folder: folder.to_owned(), key })
    }

    /// The code under this key; `None` when there is none that we wrote.
    pub(crate) fn get(&self, key: &Digest) -> Option<Vec<u8>> {
        let file = File::open(self.path(key)).ok()?;
        let mut bytes = Vec::new();
        file.take(ENTRY_BYTES).read_to_end(&mut bytes).ok()?;
        let (mark, _) = bytes.split_at_checked(MARK_BYTES)?;
        let mark = mark.to_owned();
        let code = bytes.split_off(MARK_BYTES);
        if self.mac(key, &code).verify_slice(&mark).is_err() {
            tracing::warn!(entry = %self.path(key).display(), "refused compiled code that is not ours");
            return None;
        }
        Some(code)
    }

    /// Keeps code under this key.
    pub(crate) fn put(&self, key: &Digest, code: &[u8]) -> io::Result<()> {
        let unfinished = self.folder.join(format!("{}.{}", key.short(), std::process::id()));
        let mut file = private(&unfinished)?;
        file.write_all(&self.mac(key, code).finalize().into_bytes())?;
        file.write_all(code)?;
        fs::rename(unfinished, self.path(key))
    }

    fn path(&self, key: &Digest) -> PathBuf {
        self.folder.join(format!("{}.code", key.as_str().trim_start_matches("sha256:")))
    }

    /// The name belongs to what is marked, so that an entry cannot be put in place of another.
    fn mac(&self, key: &Digest, code: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(key.as_str().as_bytes());
        mac.update(code);
        mac
    }
}

fn read_key(path: &Path) -> io::Result<[u8; KEY_BYTES]> {
    let mut file = File::open(path)?;
    // A key that others could read proves nothing.
    if file.metadata()?.mode() & 0o077 != 0 {
        return Err(io::Error::other("others may read the key"));
    }
    let mut key = [0; KEY_BYTES];
    file.read_exact(&mut key)?;
    Ok(key)
}

fn new_key(path: &Path) -> io::Result<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    rand::rng().fill_bytes(&mut key);
    let unfinished = path.with_extension(std::process::id().to_string());
    private(&unfinished)?.write_all(&key)?;
    fs::rename(unfinished, path)?;
    Ok(key)
}

fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        (folder, cache)
    }

    #[test]
    fn gives_back_what_it_kept_also_after_a_restart() {
        let (folder, cache) = cache();
        let key = Digest::of("a");
        assert_eq!(cache.get(&key), None);
        cache.put(&key, b"code").unwrap();
        assert_eq!(cache.get(&key).as_deref(), Some(b"code".as_slice()));
        assert_eq!(Cache::open(folder.path()).unwrap().get(&key).as_deref(), Some(b"code".as_slice()));
    }

    #[test]
    fn refuses_a_damaged_a_renamed_and_a_foreign_entry() {
        let (folder, cache) = cache();
        let (key, other) = (Digest::of("a"), Digest::of("b"));
        cache.put(&key, b"code").unwrap();
        fs::copy(cache.path(&key), cache.path(&other)).unwrap();
        assert_eq!(cache.get(&other), None, "renamed");
        let mut bytes = fs::read(cache.path(&key)).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(cache.path(&key), bytes).unwrap();
        assert_eq!(cache.get(&key), None, "damaged");
        cache.put(&key, b"code").unwrap();
        fs::remove_file(folder.path().join(KEY_FILE)).unwrap();
        assert_eq!(Cache::open(folder.path()).unwrap().get(&key), None, "made with another key");
    }

    #[test]
    fn keeps_the_folder_and_the_key_to_itself() {
        let (folder, cache) = cache();
        cache.put(&Digest::of("a"), b"code").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(folder.path()), 0o700);
        assert_eq!(mode(&folder.path().join(KEY_FILE)), 0o600);
        let key = fs::read(folder.path().join(KEY_FILE)).unwrap();
        fs::set_permissions(folder.path().join(KEY_FILE), fs::Permissions::from_mode(0o644)).unwrap();
        Cache::open(folder.path()).unwrap();
        assert_ne!(fs::read(folder.path().join(KEY_FILE)).unwrap(), key, "a key that was open is replaced");
    }
}
