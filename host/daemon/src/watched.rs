//! What the releases loop looks at in the cluster, kept up to date by watches: a pass asks for nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use rhumb_io::cluster::records::{self, Head};
use rhumb_io::cluster::{self, Change, Cluster, Informer, Key, Look, Part, Place, Selection, Start, Watch};
use serde_json::Value;

use crate::event::{Event, Wakeups};
use crate::flights::Flights;
use crate::loops::Error;
use crate::words;

/// A kind that values are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// `valuesFrom` a Secret.
    Secret,
    /// `valuesFrom` a ConfigMap.
    ConfigMap,
}

impl Source {
    fn kind(self) -> &'static str {
        match self {
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
        }
    }
}

/// The objects that releases read values from.
type Named = Arc<Mutex<BTreeSet<(Source, Place)>>>;

/// The version of an object that values come from, and the object.
type Content = (String, Arc<Value>);

/// Copies of what the releases loop looks at.
#[derive(Debug)]
pub struct Watched {
    helm_releases: Informer<Value>,
    records: Informer<Head>,
    /// Versions only: the content is read when a release names it.
    secrets: Informer<String>,
    config_maps: Informer<String>,
    /// Which of them releases name; only those wake the loop.
    named: Named,
    /// The content of those that releases name, by version.
    contents: Mutex<BTreeMap<(Source, Place), Content>>,
    /// What brings new kinds.
    _kinds: Vec<Watch>,
}

impl Watched {
    /// Begins to watch. Changes wake the loops; those that our own actions make do not.
    pub(crate) fn start(cluster: &Cluster, wakeups: &Arc<Wakeups>, flights: &Arc<Flights>) -> Self {
        let wake = || {
            let wakeups = Arc::clone(wakeups);
            move || wakeups.notify(Event::Cluster)
        };
        let named = Named::default();
        let (woken, at_work) = (wake(), Arc::clone(flights));
        let records = cluster.inform(
            Selection { labels: Some("owner=helm"), ..selection("v1", "Secret", Part::Metadata) },
            |secret| Head::of(&secret),
            move |change| {
                let head = change.after.or(change.before);
                let own = |head: &Head| at_work.holds(&(head.namespace.clone(), head.release.clone()));
                if !head.is_some_and(own) {
                    woken();
                }
            },
        );
        let woken = wake();
        let helm_releases = cluster.inform(
            selection(words::HELM_RELEASE, "HelmRelease", Part::Whole),
            |object| Some(without_managed_fields(object)),
            move |change| {
                if asks_for_another_look(&change) {
                    woken();
                }
            },
        );
        let versions = |source: Source, labels| {
            let (woken, named) = (wake(), Arc::clone(&named));
            cluster.inform(
                Selection { labels, ..selection("v1", source.kind(), Part::Metadata) },
                |object| object.pointer("/metadata/resourceVersion").and_then(Value::as_str).map(str::to_owned),
                move |change| {
                    let named = named.lock().unwrap_or_else(PoisonError::into_inner);
                    if named.contains(&(source, change.place.clone())) {
                        woken();
                    }
                },
            )
        };
        let kinds =
            [("apiextensions.k8s.io/v1", "CustomResourceDefinition"), ("apiregistration.k8s.io/v1", "APIService")];
        let kinds = kinds.map(|(api_version, kind)| {
            let (forgetful, wakeups) = (cluster.clone(), Arc::clone(wakeups));
            let selection = Selection { start: Start::Now, ..selection(api_version, kind, Part::Metadata) };
            cluster.follow(selection, move |_| {
                forgetful.forget_capabilities();
                wakeups.kinds_changed();
            })
        });
        Self {
            helm_releases,
            records,
            secrets: versions(Source::Secret, Some("owner!=helm")),
            config_maps: versions(Source::ConfigMap, None),
            named,
            contents: Mutex::default(),
            _kinds: kinds.into(),
        }
    }

    /// Returns when everything is as current as asked for.
    pub(crate) async fn current(&self, look: Look) -> Result<(), Error> {
        let told = futures::join!(
            self.helm_releases.current(look),
            self.records.current(look),
            self.secrets.current(look),
            self.config_maps.current(look),
        );
        told.0.and(told.1).and(told.2).and(told.3).map_err(Error::Watch)
    }

    /// Every HelmRelease, whole but for `managedFields`, by namespace and name.
    pub(crate) fn helm_releases(&self) -> Vec<Arc<Value>> {
        self.helm_releases.all().into_values().collect()
    }

    /// One HelmRelease.
    pub(crate) fn helm_release(&self, place: &Place) -> Option<Arc<Value>> {
        self.helm_releases.get(place)
    }

    /// Every release record without its content.
    pub(crate) fn heads(&self) -> Vec<Arc<Head>> {
        let mut heads: Vec<Arc<Head>> = self.records.all().into_values().collect();
        heads.sort_by(|a, b| (&a.namespace, &a.release, a.version).cmp(&(&b.namespace, &b.release, b.version)));
        heads
    }

    /// Returns when a record is known as it was written, or as gone.
    pub(crate) async fn record_known(&self, (namespace, release): (&str, &str), revision: u32, version: Option<&str>) {
        let place = (namespace.to_owned(), records::name(release, revision));
        self.records.until(&place, version).await;
    }

    /// Returns when a HelmRelease is known as it was written.
    pub(crate) async fn helm_release_known(&self, place: &Place, version: &str) {
        self.helm_releases.until(place, Some(version)).await;
    }

    /// The version of an object of these kinds; `None` when there is none.
    pub(crate) fn version(&self, source: Source, place: &Place) -> Option<String> {
        let informer = if source == Source::Secret { &self.secrets } else { &self.config_maps };
        informer.get(place).map(|version| version.as_ref().clone())
    }

    /// An object that values are read from; `None` when there is none. Asked for only when it changed.
    pub(crate) async fn content(
        &self,
        cluster: &Cluster,
        source: Source,
        place: &Place,
    ) -> Result<Option<Arc<Value>>, cluster::Error> {
        let id = (source, place.clone());
        // Marked before it is looked at, so that no change in between is missed.
        self.named.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone());
        let informer = if source == Source::Secret { &self.secrets } else { &self.config_maps };
        let Some(version) = informer.get(place) else { return Ok(None) };
        let known = self.contents.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if let Some((_, content)) = known.filter(|(of, _)| of == version.as_ref()) {
            return Ok(Some(content));
        }
        let found = cluster.get(&Key::new("v1", source.kind(), &place.0, &place.1)).await?;
        let found = found.map(|object| Arc::new(without_managed_fields(object)));
        if let Some(content) = &found {
            let held = (version.as_ref().clone(), Arc::clone(content));
            self.contents.lock().unwrap_or_else(PoisonError::into_inner).insert(id, held);
        }
        Ok(found)
    }

    /// Forgets the content of what no release names any more.
    pub(crate) fn keep_only(&self, used: &BTreeSet<(Source, Place)>) {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner).retain(|id, _| used.contains(id));
        self.named.lock().unwrap_or_else(PoisonError::into_inner).retain(|id| used.contains(id));
    }
}

fn selection(api_version: &str, kind: &str, part: Part) -> Selection {
    Selection { api_version: api_version.to_owned(), kind: kind.to_owned(), labels: None, part, start: Start::All }
}

/// Whether more than the status of a HelmRelease changed, which we write ourselves.
fn asks_for_another_look(change: &Change<'_, Value>) -> bool {
    let (Some(before), Some(after)) = (change.before, change.after) else { return true };
    let fields = ["/metadata/uid", "/metadata/generation", "/metadata/labels", "/metadata/annotations"];
    fields.iter().any(|field| before.pointer(field) != after.pointer(field))
}

fn without_managed_fields(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}
