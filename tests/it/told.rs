//! Everywhere that a daemon leaves words, and the search for secrets in it.

use std::path::Path;

/// Adds every file below a folder.
pub(crate) fn files_below(folder: &Path, places: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, places);
        } else {
            places.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
}

/// Fails when a place tells the secret, with what stands around it there.
pub(crate) fn is_nowhere(secret: &str, places: &[(String, Vec<u8>)]) {
    for (place, content) in places {
        if let Some(at) = content.windows(secret.len()).position(|window| window == secret.as_bytes()) {
            let around = &content[at.saturating_sub(300)..(at + secret.len() + 100).min(content.len())];
            panic!("{place} tells `{secret}`: …{}…", String::from_utf8_lossy(around));
        }
    }
}
