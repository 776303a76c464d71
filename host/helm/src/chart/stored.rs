//! A chart as the release record stores it.

use base64::Engine as _;
use serde_json::{Map, Value, json};

use super::{File, Live};
use crate::error::Error;
use crate::value::{NoJson, Value as Dynamic, to_json};

impl Live {
    /// Helm's JSON of a chart; sub-charts are not stored. `shipped` are the values that the chart came with, which stand
    /// unless sub-charts had a part in them.
    pub(super) fn stored(&self, shipped: &Map<String, Value>) -> Result<Value, Error> {
        let wrong = |reason: NoJson| Error::Values { chart: self.metadata.name.clone(), message: reason.into() };
        let values = if self.metadata.dependencies.is_empty() {
            Value::Object(shipped.clone())
        } else {
            to_json(&Dynamic::Map(self.values.clone())).map_err(wrong)?
        };
        Ok(json!({
            "metadata": self.metadata,
            "lock": self.lock,
            "templates": files(self.templates.iter().map(|one| &one.file)),
            "values": values,
            "schema": self.schema.as_ref().map(|schema| base64(&schema.data)),
            "files": files(self.files.iter().map(|one| &**one)),
        }))
    }
}

fn files<'f>(files: impl Iterator<Item = &'f File>) -> Value {
    files.map(|file| json!({ "name": file.path, "data": base64(&file.data) })).collect()
}

fn base64(data: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(data)
}
