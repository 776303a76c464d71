//! Finds the images of an object and the scalars that hold them (`flux-v1.md` 3 and 4.3).
//!
//! Where Flux v1 reads the parsed values, this reads the scalars as written: a tag `1.10` without quotes is the tag
//! `1.10`, not a number that is passed over (`flux-v1.md` 14, row 16). Only the tag is ever written; the registry and
//! the repository stay as they stand (row 17).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use rhumb_yaml::{Kind, Node, Style};
use serde::Serialize;

use super::object::Object;
use crate::id::{ContainerName, ObjectId};
use crate::image::Reference;

/// One image of one object, with the scalar that a new tag is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The object.
    pub object: ObjectId,
    /// Name by which annotations reach it.
    pub container: ContainerName,
    /// The image as it stands.
    pub image: Reference,
    /// Where a new tag goes, or why it cannot go anywhere.
    pub place: Result<Place, String>,
    /// The file.
    pub file: String,
    /// Line of the scalar that holds the tag (or the image, when it has none), from 1.
    pub line: usize,
}

/// The scalar that holds the tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// JSON Pointer into the object.
    pub pointer: String,
    /// Bytes of the scalar in the file.
    pub span: Range<usize>,
    /// How it is written.
    #[serde(skip)]
    pub style: Style,
    /// What stands before the tag in the same scalar, the colon included; empty where the tag stands alone.
    pub prefix: String,
}

/// Every image of this object, `chart-image` first, then by name.
pub fn slots(object: &Object) -> Vec<Slot> {
    match object.id.kind.as_str() {
        "HelmRelease" => helm_release(object),
        "Deployment" | "DaemonSet" | "StatefulSet" => pods(object, "/spec/template/spec"),
        "CronJob" => pods(object, "/spec/jobTemplate/spec/template/spec"),
        _ => Vec::new(),
    }
}

/// The containers that filter annotations of this object name, whether they exist or not.
pub fn containers_named(annotations: &BTreeMap<String, String>) -> BTreeSet<ContainerName> {
    let prefixes = ["filter.fluxcd.io/", "fluxcd.io/tag.", "flux.weave.works/tag."];
    annotations
        .keys()
        .filter_map(|key| prefixes.iter().find_map(|prefix| key.strip_prefix(prefix)))
        .map(ContainerName::new)
        .collect()
}

/// A scalar on the way down from an object's root, without following aliases.
struct Found<'a> {
    node: &'a Node,
    pointer: String,
}

fn at<'a>(root: &'a Node, pointer: &str) -> Option<Found<'a>> {
    let mut node = root;
    for key in pointer.split('/').skip(1) {
        node = match (&node.kind, key.parse::<usize>()) {
            (Kind::Sequence { items, .. }, Ok(index)) => items.get(index)?,
            _ => node.get(&key.replace("~1", "/").replace("~0", "~"))?,
        };
    }
    Some(Found { node, pointer: pointer.to_owned() })
}

fn child(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// The text of a scalar that can hold a name or a tag; `null` and empty count as absent.
fn text<'a>(found: &Found<'a>) -> Option<&'a str> {
    match &found.node.kind {
        Kind::Scalar { value, style } => {
            let absent = value.is_empty()
                || (*style == Style::Plain && matches!(value.as_str(), "~" | "null" | "Null" | "NULL"));
            (!absent).then_some(value.as_str())
        }
        _ => None,
    }
}

/// The image of one map, in the forms of `flux-v1.md` 3.2: the scalars of registry, image and tag.
struct Parts<'a> {
    registry: Option<Found<'a>>,
    image: Found<'a>,
    tag: Option<Found<'a>>,
}

fn parts<'a>(root: &'a Node, pointer: &str) -> Option<Parts<'a>> {
    let image = at(root, &child(pointer, "image"))?;
    let (base, name) = match image.node.kind {
        Kind::Mapping { .. } => (child(pointer, "image"), "repository"),
        _ => (pointer.to_owned(), "image"),
    };
    Some(Parts {
        registry: at(root, &child(&base, "registry")),
        image: at(root, &child(&base, name))?,
        tag: at(root, &child(&base, "tag")),
    })
}

fn helm_release(object: &Object) -> Vec<Slot> {
    let mut found: BTreeMap<String, Slot> = BTreeMap::new();
    let root = &object.node;
    let mut add = |name: &str, parts: Option<Parts<'_>>| {
        if let Some(slot) = parts.and_then(|parts| slot(object, name, parts)) {
            found.insert(name.to_owned(), slot);
        }
    };
    add("chart-image", parts(root, "/spec/values"));
    if let Some(Found { node: Node { kind: Kind::Mapping { entries, .. }, .. }, .. }) = at(root, "/spec/values") {
        for (key, value) in entries {
            if let (Some(key), Kind::Mapping { .. }) = (key.as_str(), &value.kind) {
                add(key, parts(root, &child("/spec/values", key)));
            }
        }
    }
    let annotations = object.annotations();
    let aliased = |field: &str, alias: &str| {
        let path = annotations.get(&format!("{field}.fluxcd.io/{alias}"))?;
        at(root, &path.split('.').fold("/spec/values".to_owned(), |pointer, key| child(&pointer, key)))
    };
    for alias in annotations.keys().filter_map(|key| key.strip_prefix("repository.fluxcd.io/")) {
        if let Some(image) = aliased("repository", alias) {
            add(alias, Some(Parts { registry: aliased("registry", alias), image, tag: aliased("tag", alias) }));
        }
    }
    let mut slots: Vec<Slot> = found.into_values().collect();
    slots.sort_by_key(|slot| (slot.container.as_str() != "chart-image", slot.container.clone()));
    slots
}

fn pods(object: &Object, spec: &str) -> Vec<Slot> {
    let mut found = Vec::new();
    for list in ["containers", "initContainers"] {
        let list = child(spec, list);
        let Some(Found { node: Node { kind: Kind::Sequence { items, .. }, .. }, .. }) = at(&object.node, &list) else {
            continue;
        };
        for (index, item) in items.iter().enumerate() {
            let name = item.get("name").and_then(Node::as_str).unwrap_or_default();
            if let Some(image) = at(&object.node, &format!("{list}/{index}/image")) {
                found.extend(slot(object, name, Parts { registry: None, image, tag: None }));
            }
        }
    }
    found
}

fn slot(object: &Object, name: &str, parts: Parts<'_>) -> Option<Slot> {
    let Parts { registry, image, tag } = parts;
    let image_text = text(&image)?;
    let mut full = match registry.as_ref().and_then(text) {
        Some(registry) => format!("{registry}/{image_text}"),
        None => image_text.to_owned(),
    };
    let tag = tag.filter(|tag| text(tag).is_some());
    if let Some(tag) = tag.as_ref().and_then(text) {
        full = format!("{full}:{tag}");
    }
    let reference = Reference::parse(&full).ok()?;
    let holder = tag.as_ref().unwrap_or(&image);
    Some(Slot {
        object: object.id.clone(),
        container: ContainerName::new(name),
        place: place(holder, &reference),
        image: reference,
        file: object.file.clone(),
        line: holder.node.line,
    })
}

/// Where a new tag of this image goes: the end of the scalar that holds it.
fn place(holder: &Found<'_>, image: &Reference) -> Result<Place, String> {
    let Kind::Scalar { value, style } = &holder.node.kind else {
        return Err("the image is written through a YAML alias; write it out to have it updated".to_owned());
    };
    if matches!(style, Style::Literal | Style::Folded) {
        return Err("the image is written as a block scalar; write it on one line to have it updated".to_owned());
    }
    if image.digest.is_some() {
        return Err("the image is pinned by digest; remove the digest to have its tag updated".to_owned());
    }
    let prefix = match &image.tag {
        // The scalar may end in the tag (`repo/x:1`), be the tag, or hold no tag at all.
        Some(tag) if value == tag.as_str() => String::new(),
        Some(tag) => value.strip_suffix(tag.as_str()).unwrap_or(value).to_owned(),
        None => format!("{value}:"),
    };
    Ok(Place { pointer: holder.pointer.clone(), span: holder.node.span.clone(), style: *style, prefix })
}
