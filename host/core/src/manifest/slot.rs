//! Finds the images of an object and the scalars that hold them (`flux-v1.md` 3 and 4.3).
//!
//! Where Flux v1 reads a tag as a parsed value, this reads it as written: a tag `1.10` without quotes is the tag `1.10`,
//! not a number that is passed over (`flux-v1.md` 14, row 16). Only the tag is ever written; the registry and the
//! repository stay as they stand (row 17). A `tag` that stands there empty or null is where a new tag goes. What is
//! reached through an alias or a merge key is found and shown, and never written.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use rhumb_yaml::{Kind, Node, Style};
use serde::Serialize;
use serde_json::Value;

use super::found::Found;
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
    /// The document of the object, where that is all of it: what an edit is proved against.
    pub document: Option<Arc<Node>>,
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

/// Every image of this object: of a HelmRelease `chart-image` first, then by name; of others as written.
pub fn slots(object: &Object) -> Vec<Slot> {
    match (object.id.kind.as_str(), pod_spec(&object.id.kind)) {
        ("HelmRelease", _) => helm_release(object),
        (_, Some(path)) => pods(object, path),
        _ => Vec::new(),
    }
}

/// Whether objects of this kind name images. All such kinds are namespaced, which needs no cluster to be known.
pub(super) fn has_images(kind: &str) -> bool {
    kind == "HelmRelease" || pod_spec(kind).is_some()
}

/// Where the pods of a workload are described, as a dotted path; `None` for kinds without pods of their own.
pub(super) fn pod_spec(kind: &str) -> Option<&'static str> {
    match kind {
        "Deployment" | "DaemonSet" | "StatefulSet" => Some("spec.template.spec"),
        "CronJob" => Some("spec.jobTemplate.spec.template.spec"),
        _ => None,
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

/// The image of one map, in the forms of `flux-v1.md` 3.2.
struct Parts<'a> {
    registry: Option<Found<'a>>,
    image: Found<'a>,
    tag: Option<Found<'a>>,
    digest: Option<Found<'a>>,
}

impl<'a> Parts<'a> {
    fn of(map: &Found<'a>) -> Option<Self> {
        let image = map.child("image")?;
        let (base, name) = if image.value.is_object() { (&image, "repository") } else { (map, "image") };
        let digest = base.child("digest");
        Some(Self { registry: base.child("registry"), image: base.child(name)?, tag: base.child("tag"), digest })
    }
}

fn helm_release(object: &Object) -> Vec<Slot> {
    let Some(values) = Found::root(object).dig("spec.values") else { return Vec::new() };
    let mut found: BTreeMap<String, Slot> = BTreeMap::new();
    let mut add = |name: &str, parts: Option<Parts<'_>>| {
        if let Some(slot) = parts.and_then(|parts| slot(object, name, &parts)) {
            found.insert(name.to_owned(), slot);
        }
    };
    add("chart-image", Parts::of(&values));
    for (key, child) in values.children(Value::is_object) {
        add(key, Parts::of(&child));
    }
    let annotations = object.annotations();
    for alias in annotations.keys().filter_map(|key| key.strip_prefix("repository.fluxcd.io/")) {
        add(alias, aliased(&annotations, &values, alias));
    }
    let mut slots: Vec<Slot> = found.into_values().collect();
    slots.sort_by_key(|slot| slot.container.as_str() != "chart-image");
    slots
}

/// The parts that an alias names. One that leads nowhere makes the whole alias void, as in Flux: with a path of the tag
/// that is mistyped, the new tag would otherwise be appended to the repository.
fn aliased<'a>(annotations: &BTreeMap<String, String>, values: &Found<'a>, alias: &str) -> Option<Parts<'a>> {
    let part = |field: &str| match annotations.get(&format!("{field}.fluxcd.io/{alias}")) {
        None => Some(None),
        Some(path) => Some(Some(values.dig(path).filter(|found| !found.value.is_array() && !found.value.is_object())?)),
    };
    Some(Parts { registry: part("registry")?, image: part("repository")??, tag: part("tag")?, digest: None })
}

fn pods(object: &Object, spec: &str) -> Vec<Slot> {
    let Some(spec) = Found::root(object).dig(spec) else { return Vec::new() };
    let lists = ["containers", "initContainers"].into_iter().filter_map(|list| spec.child(list));
    let containers = lists.flat_map(|list| {
        let length = list.value.as_array().map_or(0, Vec::len);
        (0..length).filter_map(move |index| list.item(index)).collect::<Vec<_>>()
    });
    let slots = containers.filter_map(|container| {
        let name = container.value.get("name").and_then(Value::as_str).unwrap_or_default();
        slot(object, name, &Parts { registry: None, image: container.child("image")?, tag: None, digest: None })
    });
    slots.collect()
}

fn slot(object: &Object, name: &str, parts: &Parts<'_>) -> Option<Slot> {
    let Parts { registry, image, tag, digest } = parts;
    let image_text = image.text()?;
    let mut full = match registry.as_ref().and_then(Found::text) {
        Some(registry) => format!("{registry}/{image_text}"),
        None => image_text.to_owned(),
    };
    let tag_text = tag.as_ref().and_then(Found::as_written);
    if let Some(tag) = &tag_text {
        full = format!("{full}:{tag}");
    }
    let reference = Reference::parse(&full).ok()?;
    // A tag that is there but empty takes the new one, unless the image itself ends in a tag.
    let holder = tag.as_ref().filter(|_| tag_text.is_some() || reference.tag.is_none()).unwrap_or(image);
    let pinned = reference.digest.is_some() || digest.as_ref().is_some_and(|digest| digest.text().is_some());
    Some(Slot {
        object: object.id.clone(),
        container: ContainerName::new(name),
        place: if pinned { Err(PINNED.to_owned()) } else { place(holder, tag.as_ref(), &reference) },
        image: reference,
        file: object.file.clone(),
        line: holder.node.map_or(object.line, |node| node.line),
        document: object.document.clone(),
    })
}

const PINNED: &str = "the image is pinned by digest; remove the digest to have its tag updated";

/// Where a new tag of this image goes: the end of the scalar that holds it.
fn place(holder: &Found<'_>, tag: Option<&Found<'_>>, image: &Reference) -> Result<Place, String> {
    if tag.is_some_and(|tag| tag.value.is_array() || tag.value.is_object()) {
        return Err("the `tag` beside the image is no text; make it one to have it updated".to_owned());
    }
    let through = "the image is written through a YAML alias or merge key; write it out to have it updated";
    let node = holder.node.ok_or(through)?;
    let Kind::Scalar { value, style } = &node.kind else { return Err(through.to_owned()) };
    if matches!(style, Style::Literal | Style::Folded) {
        return Err("the image is written as a block scalar; write it on one line to have it updated".to_owned());
    }
    // `registry:5000/app` reads as image `registry` at tag `5000/app` (`flux-v1.md` 2.1), which nobody means.
    if image.tag.as_ref().is_some_and(|tag| tag.as_str().contains('/')) {
        return Err(
            "a host with a port and without a dot reads as an image and its tag; write it with a dot".to_owned()
        );
    }
    let tag_alone = tag.is_some_and(|tag| tag.pointer == holder.pointer);
    let prefix = match &image.tag {
        _ if tag_alone => String::new(),
        Some(tag) => value.strip_suffix(tag.as_str()).unwrap_or(value).to_owned(),
        None => format!("{value}:"),
    };
    Ok(Place { pointer: holder.pointer.clone(), span: node.span.clone(), style: *style, prefix })
}
