//! Compiled code on disk, authenticated, with what was found out about the component before it was compiled.
//!
//! Compiled code runs as native code, so an entry is loaded only when it carries the mark of a key that stands beside it
//! and that only this user can read. A foreign, damaged or renamed entry is the same as none.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand::RngCore;
use rhumb_core::id::Digest;

use crate::admission::Admitted;

const KEY_FILE: &str = "key";
const KEY_BYTES: usize = 32;
const MARK_BYTES: usize = 32;
const LENGTH_BYTES: usize = 4;

/// Largest entry that is read: the code of a component of 4 MiB and then some.
const ENTRY_BYTES: u64 = 256 << 20;

/// Compiled code and what was admitted.
pub(crate) struct Kept {
    pub(crate) admitted: Admitted,
    pub(crate) code: Arc<Vec<u8>>,
}

/// A folder of compiled code. An entry is a mark, the length of what was admitted (32 bits, little endian), what was
/// admitted (JSON) and the code.
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

    /// What lies under this key; `None` when there is nothing that we wrote.
    pub(crate) fn get(&self, key: &Digest) -> Option<Kept> {
        let mut file = File::open(self.path(key)).ok()?;
        let size = file.metadata().ok()?.len();
        let mut head = [0; MARK_BYTES + LENGTH_BYTES];
        file.read_exact(&mut head).ok()?;
        let (mark, length) = head.split_first_chunk::<MARK_BYTES>()?;
        let length = u32::from_le_bytes(length.try_into().ok()?);
        let left = size.min(ENTRY_BYTES).checked_sub(head.len() as u64 + u64::from(length))?;
        let mut read = |bytes: u64| {
            let mut part = Vec::with_capacity(usize::try_from(bytes).ok()?);
            (&mut file).take(bytes).read_to_end(&mut part).ok()?;
            Some(part)
        };
        let (admitted, code) = (read(u64::from(length))?, read(left)?);
        if self.mark(key, &admitted, &code) != *mark {
            tracing::warn!(entry = %self.path(key).display(), "refused compiled code that is not ours");
            return None;
        }
        Some(Kept { admitted: Admitted::from_json(&admitted)?, code: Arc::new(code) })
    }

    /// Keeps code under this key.
    pub(crate) fn put(&self, key: &Digest, admitted: &Admitted, code: &[u8]) -> io::Result<()> {
        let unfinished = self.folder.join(format!("{}.{}", key.short(), std::process::id()));
        let mut file = private(&unfinished)?;
        let admitted = admitted.to_json();
        let length = u32::try_from(admitted.len()).map_err(io::Error::other)?;
        file.write_all(self.mark(key, &admitted, code).as_bytes())?;
        file.write_all(&length.to_le_bytes())?;
        file.write_all(&admitted)?;
        file.write_all(code)?;
        fs::rename(unfinished, self.path(key))
    }

    fn path(&self, key: &Digest) -> PathBuf {
        self.folder.join(format!("{}.code", key.as_str().trim_start_matches("sha256:")))
    }

    /// The name belongs to what is marked, so that an entry cannot be put in place of another. Equality of two marks
    /// takes the same time for all of them.
    fn mark(&self, key: &Digest, admitted: &[u8], code: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        // A digest has one length, so what follows it cannot be taken for a part of it.
        hasher.update(key.as_str().as_bytes());
        hasher.update(&(admitted.len() as u64).to_le_bytes());
        hasher.update(admitted).update(code).finalize()
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

    fn admitted() -> Admitted {
        let section = r#"{"contract":"rhumb:policy@0.1.0","kind":"image-filter","name":"a","version":"1.0.0","config":{},
            "reasons":[],"fuel":1}"#;
        Admitted::from_json(&serde_json::to_vec(&(section, ["types"])).unwrap()).unwrap()
    }

    fn code(cache: &Cache, key: &Digest) -> Option<Vec<u8>> {
        cache.get(key).map(|kept| kept.code.to_vec())
    }

    #[test]
    fn gives_back_what_it_kept_also_after_a_restart() {
        let (folder, cache) = cache();
        let key = Digest::of("a");
        assert!(cache.get(&key).is_none());
        cache.put(&key, &admitted(), b"code").unwrap();
        for cache in [cache, Cache::open(folder.path()).unwrap()] {
            let kept = cache.get(&key).unwrap();
            assert_eq!((kept.code.as_slice(), kept.admitted), (b"code".as_slice(), admitted()));
        }
    }

    #[test]
    fn refuses_a_damaged_a_renamed_a_short_and_a_foreign_entry() {
        let (folder, cache) = cache();
        let (key, other) = (Digest::of("a"), Digest::of("b"));
        cache.put(&key, &admitted(), b"code").unwrap();
        fs::copy(cache.path(&key), cache.path(&other)).unwrap();
        assert_eq!(code(&cache, &other), None, "renamed");
        let whole = fs::read(cache.path(&key)).unwrap();
        for place in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 1;
            fs::write(cache.path(&key), damaged).unwrap();
            assert_eq!(code(&cache, &key), None, "damaged at {place}");
            fs::write(cache.path(&key), &whole[..place]).unwrap();
            assert_eq!(code(&cache, &key), None, "short at {place}");
        }
        fs::write(cache.path(&key), whole).unwrap();
        assert_eq!(code(&cache, &key).as_deref(), Some(b"code".as_slice()));
        fs::remove_file(folder.path().join(KEY_FILE)).unwrap();
        assert_eq!(code(&Cache::open(folder.path()).unwrap(), &key), None, "made with another key");
    }

    #[test]
    fn keeps_the_folder_and_the_key_to_itself() {
        let (folder, cache) = cache();
        cache.put(&Digest::of("a"), &admitted(), b"code").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(folder.path()), 0o700);
        assert_eq!(mode(&folder.path().join(KEY_FILE)), 0o600);
        let key = fs::read(folder.path().join(KEY_FILE)).unwrap();
        fs::set_permissions(folder.path().join(KEY_FILE), fs::Permissions::from_mode(0o644)).unwrap();
        Cache::open(folder.path()).unwrap();
        assert_ne!(fs::read(folder.path().join(KEY_FILE)).unwrap(), key, "a key that was open is replaced");
    }
}
