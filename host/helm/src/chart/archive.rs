//! Unpacks a chart archive in memory.

use std::io::Read;

use super::{File, load::check_path};
use crate::error::Error;
use crate::limits::Limits;

/// The files of a `.tgz`, without its top folder. Nothing but regular files is taken, and nothing past the limits is
/// read.
pub fn unpack(tgz: &[u8], limits: &Limits) -> Result<Vec<File>, Error> {
    if tgz.len() > limits.archive_bytes {
        return Err(Error::limit("the chart archive", "archive_bytes", limits.archive_bytes));
    }
    if !tgz.starts_with(&[0x1f, 0x8b]) {
        return Err(Error::Archive { message: "it is not compressed by gzip".to_owned() });
    }
    // One byte over the limit shows that there is more.
    let most = limits.chart_bytes as u64 + 1;
    let headers = (limits.entries as u64 + 1) * 2048;
    let reader = flate2::read::MultiGzDecoder::new(tgz).take(most + headers);
    let mut archive = tar::Archive::new(reader);
    let wrong = |error: std::io::Error| Error::Archive { message: error.to_string() };
    let mut files: Vec<File> = Vec::new();
    let mut bytes = 0_u64;
    for entry in archive.entries().map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        if files.len() >= limits.entries {
            return Err(Error::limit("the number of files of the archive", "entries", limits.entries));
        }
        let path = String::from_utf8_lossy(&entry.path_bytes()).replace('\\', "/");
        if entry.size() > limits.file_bytes as u64 {
            return Err(Error::limit(format!("the file `{path}`"), "file_bytes", limits.file_bytes));
        }
        bytes = bytes.saturating_add(entry.size());
        if bytes > limits.chart_bytes as u64 {
            return Err(Error::limit("the unpacked chart", "chart_bytes", limits.chart_bytes));
        }
        let path = inside(&path)?;
        let mut data = Vec::new();
        entry.take(limits.file_bytes as u64).read_to_end(&mut data).map_err(wrong)?;
        // Some editors put a byte order mark in front of YAML.
        if data.starts_with(&[0xef, 0xbb, 0xbf]) {
            data.drain(..3);
        }
        files.push(File { path, data });
    }
    if files.is_empty() {
        return Err(Error::Archive { message: "no files in it".to_owned() });
    }
    Ok(files)
}

/// The path without the top folder.
fn inside(path: &str) -> Result<String, Error> {
    let outside = || Error::Path { path: path.to_owned() };
    let relative = path.strip_prefix("./").unwrap_or(path);
    let (top, rest) = relative.split_once('/').ok_or_else(outside)?;
    if top.is_empty() || top == ".." {
        return Err(outside());
    }
    let parts: Vec<&str> = rest.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let cleaned = parts.join("/");
    if rest.starts_with('/') {
        return Err(outside());
    }
    check_path(&cleaned).map_err(|_| outside())?;
    Ok(cleaned)
}
