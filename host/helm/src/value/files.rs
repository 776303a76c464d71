//! `.Files`: the files of a chart that are neither templates nor sub-charts.

use std::collections::BTreeMap;
use std::rc::Rc;

use base64::Engine as _;
use serde_json::{Map, Value as Json};

/// Files by path.
#[derive(Debug, Default)]
pub(crate) struct Files(BTreeMap<String, Rc<Vec<u8>>>);

impl Files {
    pub(crate) fn new(files: impl IntoIterator<Item = (String, Rc<Vec<u8>>)>) -> Self {
        Self(files.into_iter().collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Rc<Vec<u8>>)> {
        self.0.iter()
    }

    /// The bytes of a file; a file that is not there is empty.
    pub(crate) fn bytes(&self, path: &str) -> Rc<Vec<u8>> {
        self.0.get(path).cloned().unwrap_or_default()
    }

    /// The files whose path fits a pattern of `gobwas/glob` with `/` as separator; a broken pattern fits all.
    pub(crate) fn glob(&self, pattern: &str) -> Self {
        let regex = crate::glob::gobwas(pattern);
        let fits = |path: &str| regex.as_ref().is_none_or(|regex| regex.is_match(path));
        Self(self.0.iter().filter(|(path, _)| fits(path)).map(|(path, data)| (path.clone(), data.clone())).collect())
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
        let Some(data) = self.0.get(path) else { return Vec::new() };
        let text = super::from_bytes(data);
        text.strip_suffix('\n').unwrap_or(&text).split('\n').map(str::to_owned).collect()
    }

    fn yaml(&self, text: impl Fn(&[u8]) -> String) -> String {
        let base = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let entries: Map<String, Json> =
            self.0.iter().map(|(path, data)| (base(path), Json::String(text(data)))).collect();
        rhumb_yaml::to_string(&Json::Object(entries)).trim_end_matches('\n').to_owned()
    }
}
