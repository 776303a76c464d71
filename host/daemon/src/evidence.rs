//! Reads what rules and transforms want to see, and nothing that none of them wants.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use rhumb_core::chain::chain;
use rhumb_core::environment::{self, Deployed, Record, environment_of};
use rhumb_core::evidence::{Evidence, Load, Part, Wanted, load};
use rhumb_core::id::{ObjectId, Timestamp};
use rhumb_core::images::{self, Workload};
use rhumb_core::manifest::Object;
use rhumb_core::releases::{Marks, Spec};
use rhumb_helm::record::Release;
use rhumb_io::cluster;
use rhumb_io::cluster::records::Stored;
use rhumb_io::cluster::{Cluster, Look};
use serde_json::Value;

use crate::context::Context;
use crate::flights::ReleaseName;
use crate::repository::Snapshot;

/// Adds what is wanted to what people say. What cannot be read is said for its part.
pub(crate) async fn gather(ctx: &Context, snapshot: &Snapshot, wanted: &Wanted, said: Evidence) -> Evidence {
    let mut evidence = said;
    let of_releases = [Part::Environments, Part::History, Part::Fleet];
    if !of_releases.iter().any(|part| wanted.has(*part)) {
        return evidence;
    }
    let unread = |error: String| of_releases.map(|part| (part, error.clone()));
    if let Err(error) = ctx.watched.current(Look::Watched).await {
        evidence.unread.extend(unread(chain(&error)));
        return evidence;
    }
    let releases: Vec<(Object, Spec)> = ctx.watched.helm_releases().iter().filter_map(|value| parsed(value)).collect();
    if wanted.has(Part::Fleet) {
        evidence.fleet = fleet(ctx, snapshot, &releases);
    }
    match deployed(ctx, snapshot, wanted, releases).await {
        Ok(deployed) => evidence.deployed = deployed,
        Err(error) => {
            let why = chain(&error);
            evidence.unread.extend([Part::Environments, Part::History].map(|part| (part, why.clone())));
        }
    }
    evidence
}

fn parsed(value: &Value) -> Option<(Object, Spec)> {
    Some((Object::of_cluster(value)?, Spec::parse(value).ok()?))
}

/// What each release is busy with.
fn fleet(ctx: &Context, snapshot: &Snapshot, releases: &[(Object, Spec)]) -> Vec<Load> {
    let in_flight = ctx.flights.in_flight();
    let newest: BTreeMap<ReleaseName, String> = ctx
        .watched
        .heads()
        .into_iter()
        .map(|head| ((head.namespace.clone(), head.release.clone()), head.status.clone()))
        .collect();
    let workloads = images::workloads(&snapshot.manifests);
    let in_git: BTreeMap<&ObjectId, &Workload> = workloads.iter().map(|one| (&one.id, one)).collect();
    let load = |(object, spec): &(Object, Spec)| {
        let name = (spec.target_namespace.clone(), spec.release_name.clone());
        let found = load(object, newest.get(&name).map(String::as_str), in_git.get(&object.id).copied());
        Load { changing: found.changing || in_flight.contains(&name), ..found }
    };
    releases.iter().map(load).collect()
}

/// Every release with its records, or when nobody wants the environments those whose history is wanted.
async fn deployed(
    ctx: &Context,
    snapshot: &Snapshot,
    wanted: &Wanted,
    releases: Vec<(Object, Spec)>,
) -> Result<Vec<Deployed>, cluster::Error> {
    let namespaces = images::namespaces(&snapshot.manifests.objects);
    let versions = versions(ctx);
    let mut all = Vec::new();
    let mut kept = BTreeSet::new();
    for (object, spec) in releases {
        if !wanted.has(Part::Environments) && !wanted.is_about(Part::History, &object.id) {
            continue;
        }
        let name = (spec.target_namespace, spec.release_name);
        let now = versions.get(&name).cloned().unwrap_or_default();
        let history = ctx.histories.read(&ctx.cluster, &name, &now).await?;
        let environment = environment_of(&object.labels(), object.id.namespace.as_deref(), &namespaces);
        all.push(environment::deployed(&object, environment, history.as_ref().clone()));
        kept.insert(name);
    }
    if wanted.has(Part::Environments) {
        ctx.histories.keep_only(&kept);
    }
    Ok(all)
}

/// The records of a release by revision and version of their Secrets.
type Versions = Vec<(u32, String)>;

/// The records of every release as the watch knows them.
fn versions(ctx: &Context) -> BTreeMap<ReleaseName, Versions> {
    let mut versions: BTreeMap<ReleaseName, Versions> = BTreeMap::new();
    for head in ctx.watched.heads() {
        let name = (head.namespace.clone(), head.release.clone());
        versions.entry(name).or_default().push((head.version, head.resource_version.clone()));
    }
    versions
}

/// Records that were read lately: they are read again when the watch knows others.
#[derive(Debug, Default)]
pub struct Histories(Mutex<BTreeMap<ReleaseName, History>>);

/// The records of a release, and which they are.
#[derive(Clone, Debug)]
struct History {
    versions: Versions,
    records: Arc<Vec<Record>>,
}

impl Histories {
    /// The records of a release, newest last, that has these `now`.
    async fn read(
        &self,
        cluster: &Cluster,
        name: &ReleaseName,
        now: &Versions,
    ) -> Result<Arc<Vec<Record>>, cluster::Error> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if let Some(history) = known.filter(|history| history.versions == *now) {
            return Ok(history.records);
        }
        let stored = cluster.history(&name.0, &name.1).await?;
        // What was read may be newer than what the watch knows, and is read again then.
        let versions = stored.iter().map(|one| (one.release.version, one.resource_version.clone())).collect();
        let records = Arc::new(stored.iter().map(record).collect::<Vec<Record>>());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(name.clone(), History { versions, records: Arc::clone(&records) });
        Ok(records)
    }

    fn keep_only(&self, names: &BTreeSet<ReleaseName>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|name, _| names.contains(name));
    }
}

/// A release record as evidence has it.
fn record(stored: &Stored) -> Record {
    let release = &stored.release;
    Record {
        revision: release.version,
        status: release.info.status.as_str().to_owned(),
        chart: chart_of(release),
        config: Value::Object(release.config.clone()),
        at: Timestamp::parse(&release.info.last_deployed).unwrap_or_default(),
        tests: Marks::read(&stored.annotations).tests,
    }
}

/// `<name>-<version>` of a record's chart, `MISSING` without metadata, as `helm` prints it.
pub(crate) fn chart_of(release: &Release) -> String {
    let text = |key: &str| release.chart.pointer(&format!("/metadata/{key}")).and_then(Value::as_str);
    match (text("name"), text("version")) {
        (Some(name), Some(version)) => format!("{name}-{version}"),
        _ => "MISSING".to_owned(),
    }
}
