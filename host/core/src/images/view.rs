//! Everything that one images pass may look at, frozen at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::attach::Attached;
use crate::environment::environment_of;
use crate::evidence::Evidence;
use crate::id::{ContainerName, Digest, ObjectId, PolicyName, Revision, Timestamp};
use crate::judge::{Context, Kind, Metadata, Tags};
use crate::manifest::{File, Manifests, Object, Puller, Slot, Switch, slots};
use crate::objects::Binding;
use crate::policies::{self, Bindings, Last, Policies, Selected};

/// The frozen view of one pass.
#[derive(Clone, Debug)]
pub struct ImagesView {
    /// The commit that was read; a commit of ours goes onto it or nowhere.
    pub head: Revision,
    /// The time of the pass.
    pub now: Timestamp,
    /// The files that hold the workloads, by path.
    pub files: BTreeMap<String, File>,
    /// Everything in git that has images.
    pub workloads: Vec<Workload>,
    /// What is known of each canonical repository that an automated workload uses.
    pub repositories: BTreeMap<String, Scan>,
    /// The policies that filters and rules name, as far as there are such.
    pub policies: Policies,
    /// Metadata of shortlisted tags; filled between the first and the second round.
    pub metadata: BTreeMap<Target, Metadata>,
    /// Why an image that a filter wants to know about could not be looked at; filled with the metadata.
    pub unread: BTreeMap<Target, String>,
    /// What rules may see, as far as one of them wants it.
    pub evidence: Evidence,
    /// Promotion rules that are bound to objects, whatever their annotations say; or why nobody knows them.
    pub bound: Bindings,
    /// What policies answered last, where it counts on.
    pub last: Last,
}

/// One container of one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// The object.
    pub object: ObjectId,
    /// The container.
    pub container: ContainerName,
}

impl Target {
    /// The target of a slot.
    pub fn of(slot: &Slot) -> Self {
        Self { object: slot.object.clone(), container: slot.container.clone() }
    }
}

/// What the registry said about a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scan {
    /// Its tags.
    Listed(Arc<Tags>),
    /// Why there is no list, for people.
    Failed(String),
}

/// An object in git that has images.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The object.
    pub id: ObjectId,
    /// File that it stands in.
    pub file: String,
    /// Line of its first key.
    pub line: usize,
    /// Its environment, where one is named.
    pub environment: Option<String>,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`.
    pub annotations: BTreeMap<String, String>,
    /// `fluxcd.io/automated` is on.
    pub automated: bool,
    /// `fluxcd.io/locked` is on, with `locked_user` and `locked_msg`.
    pub locked: Option<String>,
    /// `fluxcd.io/ignore` is on.
    pub ignored: bool,
    /// Its images.
    pub slots: Vec<Slot>,
    /// As whom they are pulled.
    pub puller: Puller,
}

impl Workload {
    /// Whether this pass may change it.
    pub fn is_open(&self) -> bool {
        self.automated && self.locked.is_none() && !self.ignored
    }

    /// The rules of these bindings that are bound to it.
    pub(crate) fn rules_among(&self, bound: &[Binding]) -> Vec<Attached> {
        policies::bound_to(bound, Kind::PromotionRule, self.selected())
    }

    /// As bindings select it.
    pub(super) fn selected(&self) -> Selected<'_> {
        (&self.id, self.environment.as_ref(), &self.labels)
    }

    pub(crate) fn context(&self, policy: &PolicyName, now: Timestamp) -> Context {
        context(&self.id, self.environment.as_ref(), (&self.labels, &self.annotations), (policy, now))
    }
}

/// The context of a question about an object.
pub(crate) fn context(
    id: &ObjectId,
    environment: Option<&String>,
    (labels, annotations): (&BTreeMap<String, String>, &BTreeMap<String, String>),
    (policy, now): (&PolicyName, Timestamp),
) -> Context {
    let pairs = |map: &BTreeMap<String, String>| map.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    // The same for the same subject and policy.
    let seed = Digest::of_parts([id.to_string().as_bytes(), policy.as_str().as_bytes()]).seed();
    Context {
        name: id.name.clone(),
        namespace: id.namespace.clone().unwrap_or_default(),
        kind: id.kind.clone(),
        environment: environment.cloned(),
        labels: pairs(labels),
        annotations: pairs(annotations),
        now,
        seed,
    }
}

/// The objects with images among these manifests.
pub fn workloads(manifests: &Manifests) -> Vec<Workload> {
    let namespaces = namespaces(&manifests.objects);
    let with_images = manifests.objects.iter().map(|object| (object, slots(object)));
    with_images
        .filter(|(object, slots)| !slots.is_empty() || object.is_on("automated"))
        .map(|(o, s)| workload(o, s, &namespaces))
        .collect()
}

/// Labels of the Namespace objects among these, by name.
pub fn namespaces(objects: &[Object]) -> BTreeMap<String, BTreeMap<String, String>> {
    let namespaces = objects.iter().filter(|object| object.id.kind == "Namespace");
    namespaces.map(|object| (object.id.name.clone(), object.labels())).collect()
}

fn workload(object: &Object, slots: Vec<Slot>, namespaces: &BTreeMap<String, BTreeMap<String, String>>) -> Workload {
    let labels = object.labels();
    let locked = object.is_on("locked").then(|| {
        let parts = [object.policy("locked_user"), object.policy("locked_msg")];
        parts.into_iter().flatten().collect::<Vec<_>>().join(": ")
    });
    Workload {
        id: object.id.clone(),
        file: object.file.clone(),
        line: object.line,
        environment: environment_of(&labels, object.id.namespace.as_deref(), namespaces),
        labels,
        annotations: object.annotations(),
        automated: object.is_on("automated"),
        locked,
        ignored: object.ignored() == Switch::On,
        slots,
        puller: Puller::of(object),
    }
}
