//! A chart: metadata, templates, values, files and sub-charts.

mod archive;
mod dependencies;
mod ignore;
mod load;
mod metadata;
mod stored;
mod template;

use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Map, Value};

pub use archive::unpack;
pub(crate) use metadata::Place;
pub use metadata::{Dependency, Maintainer, Metadata};
pub(crate) use template::TemplateFile;

use crate::error::Error;
use crate::limits::{Limits, Usage, count};
use crate::render::Integers;
use crate::schema::Schema;
use crate::value::Shared;
use crate::values::table;

/// A file and its path, with `/`, relative to the chart's root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Such as `templates/service.yaml`.
    pub path: String,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// A loaded chart.
#[derive(Clone, Debug)]
pub struct Chart {
    pub(crate) root: Node,
    values: Value,
    /// What loading it took.
    pub(crate) used: Usage,
}

/// A chart or sub-chart, with its default values in one of two forms.
#[derive(Clone, Debug)]
pub(crate) struct Node<V = Arc<Map<String, Value>>> {
    pub(crate) metadata: Metadata,
    pub(crate) lock: Option<Value>,
    pub(crate) values: V,
    pub(crate) schema: Option<Arc<Schema>>,
    pub(crate) templates: Vec<Arc<TemplateFile>>,
    /// Files that are neither templates nor of a sub-chart.
    pub(crate) files: Vec<Arc<File>>,
    pub(crate) children: Vec<Node<V>>,
}

/// A chart that is being rendered: a copy whose values are those of templates. All that is big is shared.
pub(crate) type Live = Node<Rc<Shared>>;

impl Chart {
    /// Loads a chart from the files of its directory. `.helmignore` applies, and dot files in `templates/` are left out.
    pub fn from_files(files: Vec<File>, limits: &Limits) -> Result<Chart, Error> {
        // Before `.helmignore` is held against each of them; what it takes out may be large.
        load::Budget::new(limits).check_folder(&files)?;
        let (mut files, patterns) = ignore::apply(files, limits)?;
        // Helm walks folders by name, and the order of `crds/` and of sub-charts follows from that.
        files.sort_by(|a, b| a.path.split('/').cmp(b.path.split('/')));
        let mut chart = Self::load(files, limits)?;
        chart.used.ignore_patterns = count(patterns);
        Ok(chart)
    }

    /// Loads a chart from a packed archive (`.tgz`), whose top folder is left out of all paths.
    pub fn from_archive(tgz: &[u8], limits: &Limits) -> Result<Chart, Error> {
        let mut chart = Self::load(unpack(tgz, limits)?, limits)?;
        chart.used.archive_bytes = count(tgz.len());
        Ok(chart)
    }

    fn load(files: Vec<File>, limits: &Limits) -> Result<Chart, Error> {
        let mut budget = load::Budget::new(limits);
        let root = load::chart(files, &mut budget, 0)?;
        Ok(Chart { values: Value::Object(Map::clone(&root.values)), root, used: budget.usage() })
    }

    /// `Chart.yaml`.
    pub fn metadata(&self) -> &Metadata {
        &self.root.metadata
    }

    /// The chart's own `values.yaml`, a map.
    pub fn values(&self) -> &Value {
        &self.values
    }

    /// The same chart with other default values.
    pub fn with_values(&self, values: Map<String, Value>) -> Chart {
        let root = Node { values: Arc::new(values.clone()), ..self.root.clone() };
        Chart { root, values: Value::Object(values), used: self.used }
    }

    /// The same chart, whose values nothing checks: `--skip-schema-validation`.
    pub fn without_schemas(mut self) -> Chart {
        let mut pending = vec![&mut self.root];
        while let Some(node) = pending.pop() {
            node.schema = None;
            pending.extend(&mut node.children);
        }
        self
    }

    /// The chart as a release record stores it: metadata, templates, values and files of the root chart after its
    /// dependencies were processed for these values.
    pub fn stored(&self, values: &Map<String, Value>) -> Result<Value, Error> {
        let mut root = self.root.live();
        root.process_dependencies(values, &Limits::default())?;
        root.stored(&self.root.values)
    }
}

impl Node {
    /// A copy to render.
    pub(crate) fn live(&self) -> Live {
        Node {
            metadata: self.metadata.clone(),
            lock: self.lock.clone(),
            values: table(&self.values, Integers::Float),
            schema: self.schema.clone(),
            templates: self.templates.clone(),
            files: self.files.clone(),
            children: self.children.iter().map(Node::live).collect(),
        }
    }
}

impl<V> Node<V> {
    /// Whether it only gives templates to others.
    pub(crate) fn is_library(&self) -> bool {
        self.metadata.kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("library"))
    }
}
