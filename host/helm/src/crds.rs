//! What a chart keeps in `crds/`.

use std::borrow::Cow;
use std::sync::Arc;

use crate::chart::File;
use crate::error::Error;
use crate::manifest::{self, Manifest};

/// A file of `crds/` of a chart or sub-chart. It is no template, and is shared with the chart: there may be megabytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definitions {
    /// `<chart>/crds/<file>`.
    pub source: String,
    file: Arc<File>,
}

impl Definitions {
    pub(crate) fn new(source: String, file: Arc<File>) -> Self {
        Self { source, file }
    }

    /// The file as it is.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.file.data)
    }

    /// Its documents. They are read here and not when the chart is rendered, because an upgrade needs none of them; so a
    /// file that is no YAML is found here.
    pub fn manifests(&self) -> Result<Vec<Manifest>, Error> {
        manifest::split(&self.text()).into_iter().map(|document| manifest::parse(&self.source, document)).collect()
    }
}

impl From<File> for Definitions {
    fn from(file: File) -> Self {
        Self { source: file.path.clone(), file: Arc::new(file) }
    }
}
