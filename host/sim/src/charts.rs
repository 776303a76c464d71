//! A Helm repository over HTTP: `index.yaml` and archives made from chart folders.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::Clock;
use crate::listener::Listener;
use crate::media;
use crate::yaml;

/// Why a chart could not be packed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read, or the archive not be written.
    #[error("failed to pack the chart `{path}`")]
    Read {
        /// The chart's folder.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// `Chart.yaml` lacks a name or a version, or is no YAML.
    #[error("`Chart.yaml` of `{path}` cannot be used: {reason}")]
    Metadata {
        /// The chart's folder.
        path: String,
        /// What is wrong.
        reason: String,
    },
}

/// A chart as an archive.
#[derive(Clone, Debug)]
pub struct Archive {
    /// `name` of `Chart.yaml`.
    pub name: String,
    /// `version` of `Chart.yaml`.
    pub version: String,
    /// The `.tgz` file.
    pub data: Bytes,
    metadata: Value,
}

/// A running repository; it goes down when this is dropped.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    listener: Listener,
    clock: Clock,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By file name.
    archives: BTreeMap<String, (Archive, String)>,
    requests: u64,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    /// Starts an empty repository on a free port of 127.0.0.1.
    pub async fn start(clock: Clock) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let for_router = Arc::clone(&shared);
        let listener = Listener::start(|_| router(for_router)).await?;
        Ok(Self { shared, listener, clock })
    }

    /// What a HelmRelease names as `repository`.
    pub fn url(&self) -> String {
        format!("http://{}", self.listener.address())
    }

    /// Packs a chart folder and offers it.
    pub fn add(&self, folder: &Path) -> Result<Archive, Error> {
        let archive = pack(folder, &self.clock)?;
        let file = format!("{}-{}.tgz", archive.name, archive.version);
        self.shared.lock().archives.insert(file, (archive.clone(), self.clock.rfc3339()));
        Ok(archive)
    }

    /// How often the repository was asked since the last call.
    pub fn requests(&self) -> u64 {
        std::mem::take(&mut self.shared.lock().requests)
    }

    /// Goes down for good.
    pub async fn stop(mut self) {
        self.listener.stop().await;
    }
}

/// Packs a chart folder as `helm package` does: all files under one folder with the chart's name, `Chart.yaml` first.
///
/// The same folder at the same time gives the same bytes. `.helmignore` is not looked at.
pub fn pack(folder: &Path, clock: &Clock) -> Result<Archive, Error> {
    let path = folder.display().to_string();
    let failed = |source| Error::Read { path: path.clone(), source };
    let invalid = |reason: String| Error::Metadata { path: path.clone(), reason };
    let text = std::fs::read_to_string(folder.join("Chart.yaml")).map_err(failed)?;
    let metadata = yaml::from_str(&text).map_err(|e| invalid(e.to_string()))?;
    let word = |key: &str| {
        let found = metadata.get(key).and_then(Value::as_str).map(str::to_owned);
        found.filter(|word| !word.contains(['/', '\\'])).ok_or_else(|| invalid(format!("no {key}")))
    };
    let (name, version) = (word("name")?, word("version")?);
    let mut files = Vec::new();
    collect(folder, "", &mut files).map_err(failed)?;
    files.sort_by_key(|(path, _)| (path != "Chart.yaml", path.clone()));
    let data = archive(&name, &files, clock.now() / 1000).map_err(failed)?;
    Ok(Archive { name, version, data: Bytes::from(data), metadata })
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), &format!("{name}/"), files)?;
        } else if kind.is_file() {
            files.push((name, std::fs::read(entry.path())?));
        }
    }
    Ok(())
}

fn archive(name: &str, files: &[(String, Vec<u8>)], seconds: u64) -> io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (path, data) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(seconds);
        builder.append_data(&mut header, format!("{name}/{path}"), data.as_slice())?;
    }
    builder.into_inner()?.finish()
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new().fallback(move |request: Request| {
        let shared = Arc::clone(&shared);
        async move { answer(&shared, request.uri().path()) }
    })
}

fn answer(shared: &Shared, path: &str) -> Response {
    let mut state = shared.lock();
    state.requests += 1;
    let file = path.trim_start_matches('/');
    if file == "index.yaml" {
        return ([(header::CONTENT_TYPE, "application/yaml")], index(&state)).into_response();
    }
    match state.archives.get(file) {
        Some((archive, _)) => ([(header::CONTENT_TYPE, "application/gzip")], archive.data.clone()).into_response(),
        None => (StatusCode::NOT_FOUND, "no such chart\n").into_response(),
    }
}

/// The index in Helm's order: by chart, the newest version first as far as text order tells.
fn index(state: &State) -> String {
    let mut text = String::from("apiVersion: v1\nentries:");
    let mut newest_first: Vec<_> = state.archives.iter().collect();
    newest_first.sort_by(|(_, (a, _)), (_, (b, _))| (&a.name, &b.version).cmp(&(&b.name, &a.version)));
    let mut last = "";
    for (file, (archive, created)) in newest_first {
        if archive.name != last {
            let _ = write!(text, "\n  {}:", archive.name);
            last = &archive.name;
        }
        let digest = media::digest(&archive.data);
        let mut entry = archive.metadata.as_object().cloned().unwrap_or_default();
        entry.insert("created".into(), json!(created));
        entry.insert("digest".into(), json!(digest.trim_start_matches("sha256:")));
        entry.insert("urls".into(), json!([file]));
        for (number, (key, value)) in entry.iter().enumerate() {
            // JSON is YAML, which spares a printer.
            let mark = if number == 0 { '-' } else { ' ' };
            let _ = write!(text, "\n  {mark} {key}: {value}");
        }
    }
    if last.is_empty() {
        text.push_str(" {}");
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn offers_packed_charts() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("templates")).unwrap();
        std::fs::write(dir.path().join("Chart.yaml"), "apiVersion: v1\nname: demo\nversion: 1.2.3\n").unwrap();
        std::fs::write(dir.path().join("templates/a.yaml"), "kind: A\n").unwrap();
        let clock = Clock::fixed(1_795_444_500_000);
        let server = Server::start(clock.clone()).await.unwrap();
        let packed = server.add(dir.path()).unwrap();
        assert_eq!(packed.data, pack(dir.path(), &clock).unwrap().data);
        let client = reqwest_client();
        let get = |path: &str| client.get(format!("{}/{path}", server.url())).send();
        let index = yaml::from_str(&get("index.yaml").await.unwrap().text().await.unwrap()).unwrap();
        let entry = &index["entries"]["demo"][0];
        assert_eq!((&entry["version"], &entry["urls"][0]), (&json!("1.2.3"), &json!("demo-1.2.3.tgz")));
        let archive = get("demo-1.2.3.tgz").await.unwrap().bytes().await.unwrap();
        assert_eq!(entry["digest"], media::digest(&archive).trim_start_matches("sha256:"));
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(&archive[..]));
        let paths: Vec<_> = tar.entries().unwrap().map(|e| e.unwrap().path().unwrap().display().to_string()).collect();
        assert_eq!(paths, ["demo/Chart.yaml", "demo/templates/a.yaml"]);
        assert_eq!(get("nothing.tgz").await.unwrap().status(), 404);
        assert_eq!(server.requests(), 3);
    }

    fn reqwest_client() -> reqwest::Client {
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::new()
    }
}
