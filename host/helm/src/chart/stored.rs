//! A chart as the release record stores it.

use base64::Engine as _;
use serde_json::{Value, json};

use super::{File, Node};

impl Node {
    /// Helm's JSON of a chart; sub-charts are not stored.
    pub(super) fn stored(&self) -> Value {
        json!({
            "metadata": self.metadata,
            "lock": self.lock,
            "templates": files(self.templates.iter().map(|one| &one.file)),
            "values": *self.values,
            "schema": self.schema.as_deref().map(base64),
            "files": files(self.files.iter().map(|one| &**one)),
        })
    }
}

fn files<'f>(files: impl Iterator<Item = &'f File>) -> Value {
    files.map(|file| json!({ "name": file.path, "data": base64(&file.data) })).collect()
}

fn base64(data: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(data)
}
