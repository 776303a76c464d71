//! `.Files`: the files of a chart that are neither templates nor sub-charts.

use std::sync::Arc;

use base64::Engine as _;
use serde_json::{Map, Value as Json};

use crate::chart::File;

/// Files, sorted by path. The chart's own, not copies.
#[derive(Debug, Default)]
pub(crate) struct Files(Vec<Arc<File>>);

impl Files {
    /// Of two files with the same path the later one stands.
    pub(crate) fn new(files: &[Arc<File>]) -> Self {
        let mut files: Vec<_> = files.iter().rev().map(Arc::clone).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|a, b| a.path == b.path);
        Self(files)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|file| (file.path.as_str(), file.data.as_slice()))
    }

    /// The bytes of a file; a file that is not there is empty.
    pub(crate) fn get(&self, path: &str) -> &[u8] {
        let at = self.0.binary_search_by(|file| file.path.as_str().cmp(path)).ok();
        at.and_then(|at| self.0.get(at)).map_or(&[], |file| file.data.as_slice())
    }

    /// The files whose path fits a pattern of `gobwas/glob` with `/` as separator; a broken pattern fits all.
    pub(crate) fn glob(&self, pattern: &str) -> Self {
        let regex = crate::glob::gobwas(pattern);
        let fits = |path: &str| regex.as_ref().is_none_or(|regex| regex.is_match(path));
        Self(self.0.iter().filter(|file| fits(&file.path)).map(Arc::clone).collect())
    }

    /// The files as `data` of a ConfigMap.
    pub(crate) fn as_config(&self) -> String {
        self.yaml(|data| super::lossy(&super::from_bytes(data)).into_owned())
    }

    /// The files as `data` of a Secret.
    pub(crate) fn as_secrets(&self) -> String {
        self.yaml(|data| base64::engine::general_purpose::STANDARD.encode(data))
    }

    /// The lines of a file without a final line break.
    pub(crate) fn lines(&self, path: &str) -> Vec<String> {
        if !self.0.iter().any(|file| file.path == path) {
            return Vec::new();
        }
        let text = super::from_bytes(self.get(path));
        text.strip_suffix('\n').unwrap_or(&text).split('\n').map(str::to_owned).collect()
    }

    fn yaml(&self, text: impl Fn(&[u8]) -> String) -> String {
        let base = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let entries: Map<String, Json> =
            self.iter().map(|(path, data)| (base(path), Json::String(text(data)))).collect();
        rhumb_yaml::to_string(&Json::Object(entries)).trim_end_matches('\n').to_owned()
    }
}
