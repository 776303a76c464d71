//! Reads the manifests of a repository: files to objects, with every problem named and none fatal to another file.
//!
//! Flux v1 stops the whole sync at one broken file (`flux-v1.md` 14, row 18). Here a problem leaves out the file or the
//! objects that it is about, everything else goes on, and nothing is collected while a problem stands.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rhumb_yaml::{Limits, Node};
use serde_json::Value;

use super::object::Object;
use super::slot::has_images;
use crate::id::ObjectId;

/// Where an object of a namespaced kind stands that names no namespace.
const DEFAULT_NAMESPACE: &str = "default";

/// A file of the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Path from the root of the repository, with `/`.
    pub path: String,
    /// Its bytes.
    pub data: Vec<u8>,
}

impl File {
    /// Whether it only says where Git LFS keeps the file.
    pub fn is_lfs_pointer(&self) -> bool {
        self.data.starts_with(b"version https://git-lfs.github.com/spec/")
    }
}

/// What is wrong with a file or an object of it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// Line from 1; 0 for the whole file.
    pub line: usize,
    /// What is wrong, and what to do.
    pub message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.message),
            line => write!(f, "{}:{line}: {}", self.file, self.message),
        }
    }
}

/// All that was found.
#[derive(Clone, Debug, Default)]
pub struct Manifests {
    /// Objects in the order of files and documents; identities are unique.
    pub objects: Vec<Object>,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

/// Reads the manifests among these files: `.yaml` and `.yml` outside of Helm charts, documents with a kind.
///
/// A folder that holds both `Chart.yaml` and `values.yaml` is a chart, and nothing below it is a manifest (Flux v1).
pub fn load(files: &[File]) -> Manifests {
    let charts = chart_folders(files);
    let mut found = Manifests::default();
    for file in files {
        let yaml = file.path.ends_with(".yaml") || file.path.ends_with(".yml");
        if yaml && !is_below(&file.path, &charts) {
            load_file(file, &mut found);
        }
    }
    drop_duplicates(&mut found);
    found
}

/// The folders of charts, each with its last `/`; the root is empty.
fn chart_folders(files: &[File]) -> BTreeSet<&str> {
    let paths: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let folders = paths.iter().filter_map(|path| path.strip_suffix("Chart.yaml"));
    folders
        .filter(|folder| folder.is_empty() || folder.ends_with('/'))
        .filter(|folder| paths.contains(format!("{folder}values.yaml").as_str()))
        .collect()
}

/// Whether one of these folders holds the file, however deep.
fn is_below(path: &str, folders: &BTreeSet<&str>) -> bool {
    let above = path.match_indices('/').filter_map(|(at, _)| path.get(..=at));
    !folders.is_empty() && std::iter::once("").chain(above).any(|folder| folders.contains(folder))
}

fn load_file(file: &File, found: &mut Manifests) {
    let mut problem = |line: usize, message: String| {
        found.problems.push(Problem { file: file.path.clone(), line, message });
    };
    if file.is_lfs_pointer() {
        return problem(0, "is a pointer of Git LFS, which is not spoken; commit the file itself".to_owned());
    }
    let Ok(text) = std::str::from_utf8(&file.data) else {
        return problem(0, "is not UTF-8 text".to_owned());
    };
    let limits = Limits::default();
    let documents = match rhumb_yaml::documents(text, &limits) {
        Ok(documents) => documents,
        Err(error) => return problem(error.line, format!("not valid YAML: {}", error.message)),
    };
    for document in documents {
        match rhumb_yaml::to_json(&document, &limits) {
            Ok(value) => load_value(file, (Arc::new(document.root), Part::Document), value, found),
            Err(error) => {
                found.problems.push(Problem { file: file.path.clone(), line: error.line, message: error.message });
            }
        }
    }
}

/// What a value is of its file.
#[derive(Clone, Copy)]
enum Part {
    Document,
    Item,
}

fn load_value(file: &File, (node, part): (Arc<Node>, Part), value: Value, found: &mut Manifests) {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let kind = text("/kind");
    let mut problem = |message: &str| {
        found.problems.push(Problem { file: file.path.clone(), line: node.line, message: message.to_owned() });
    };
    if !value.is_object() {
        return problem("is not a Kubernetes object: expected a mapping with apiVersion, kind and metadata");
    }
    // YAML of other tools (without a kind) lives in such repositories too; Flux passes it over in silence.
    if kind.is_empty() {
        return;
    }
    if kind.ends_with("List") && value.get("items").is_some() {
        return load_items(file, &node, value, found);
    }
    let name = text("/metadata/name");
    if name.is_empty() {
        let unquoted = value.pointer("/metadata/name").is_some_and(|name| name.is_boolean() || name.is_number());
        let what = if unquoted { "a metadata.name that is no string; put it in quotes" } else { "no metadata.name" };
        return problem(&format!("{kind} has {what}"));
    }
    let api_version = text("/apiVersion");
    if api_version.is_empty() {
        return problem(&format!("{kind} `{name}` has no apiVersion"));
    }
    let written = Some(text("/metadata/namespace")).filter(|namespace| !namespace.is_empty());
    let namespace = written.or_else(|| has_images(&kind).then(|| DEFAULT_NAMESPACE.to_owned()));
    let id = ObjectId { kind, namespace, name };
    let document = match part {
        Part::Document => Some(Arc::clone(&node)),
        Part::Item => None,
    };
    found.objects.push(Object { file: file.path.clone(), line: node.line, api_version, id, value, node, document });
}

fn load_items(file: &File, node: &Node, value: Value, found: &mut Manifests) {
    let Some(Value::Array(items)) = value.get("items").cloned() else { return };
    let nodes = node.get("items").map(Node::items).unwrap_or_default();
    if nodes.len() != items.len() {
        let message = "the items are written through a YAML alias or merge key; write them out".to_owned();
        return found.problems.push(Problem { file: file.path.clone(), line: node.line, message });
    }
    for (item, node) in items.into_iter().zip(nodes) {
        load_value(file, (Arc::new(node.clone()), Part::Item), item, found);
    }
}

/// Two documents with one identity: neither is taken, since taking one at random would flap.
///
/// A missing namespace is read as `default` here, so that a collision after defaulting is seen too.
fn drop_duplicates(found: &mut Manifests) {
    let mut places: BTreeMap<(String, ObjectId), Vec<(String, usize)>> = BTreeMap::new();
    for object in &found.objects {
        places.entry(identity(object)).or_default().push((object.file.clone(), object.line));
    }
    places.retain(|_, places| places.len() > 1);
    for ((_, id), places) in &places {
        let all: Vec<String> = places.iter().map(|(file, line)| format!("{file}:{line}")).collect();
        for (file, line) in places {
            let message =
                format!("`{id}` is defined more than once ({}); none of them is applied: keep one", all.join(", "));
            found.problems.push(Problem { file: file.clone(), line: *line, message });
        }
    }
    found.objects.retain(|object| !places.contains_key(&identity(object)));
}

/// API group and identity: the same kind of two groups does not collide, two versions of one group do.
fn identity(object: &Object) -> (String, ObjectId) {
    let group = object.api_version.rsplit_once('/').map_or("", |(group, _)| group);
    let mut id = object.id.clone();
    id.namespace = Some(id.namespace.unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()));
    (group.to_owned(), id)
}
