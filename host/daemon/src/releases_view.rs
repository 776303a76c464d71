//! Reads everything that a releases pass looks at: HelmReleases, charts by digest, values, records without content.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use rhumb_core::chain::chain;
use rhumb_core::environment::environment_of;
use rhumb_core::evidence::Evidence;
use rhumb_core::id::Digest;
use rhumb_core::images;
use rhumb_core::judge;
use rhumb_core::manifest::Object;
use rhumb_core::releases::{self, ChartSource, ChartView, Head, Marks, Orphan, ReleaseView, ReleasesView, Spec};
use rhumb_helm::Chart;
use rhumb_io::charts::Archive;
use rhumb_io::cluster::Look;
use rhumb_io::git::Mirror;
use serde_json::Value;

use crate::context::Context;
use crate::flights::ReleaseName;
use crate::loops::Error;
use crate::repository::blocking;
use crate::{chart_repositories, repository, values, verdicts};

/// Reads the view of one pass. What is wrong with one release is said on that release.
///
/// What is in flight is read first: an action that ends meanwhile has its record in the rest of the view, or is still
/// taken for being at work.
pub(crate) async fn observe(ctx: &Context, look: Look) -> Result<ReleasesView, Error> {
    let snapshot = ctx.repository.snapshot().await?;
    let namespaces = images::namespaces(&snapshot.manifests.objects);
    if look == Look::Fresh {
        ctx.cluster.forget_capabilities();
        ctx.found_charts.lock().unwrap_or_else(PoisonError::into_inner).clear();
        ctx.documents.forget();
    }
    let in_flight = ctx.flights.in_flight();
    ctx.watched.current(look).await?;
    let helm_releases = ctx.watched.helm_releases();
    let specs: Vec<Spec> = helm_releases.iter().filter_map(|value| Spec::parse(value).ok()).collect();
    let places = specs.iter().filter_map(|spec| chart_repositories::place(ctx, &spec.chart)).collect();
    let urls = specs.iter().flat_map(values::urls).collect();
    futures::join!(chart_repositories::look(ctx, places), ctx.documents.look(&urls, ctx.clock.now()));
    let mut histories = heads(ctx);
    let mut charts: BTreeMap<ChartSource, Result<ChartView, String>> = BTreeMap::new();
    let mut used = BTreeSet::new();
    let mut releases = Vec::new();
    let mut claimed = BTreeSet::new();
    for value in &helm_releases {
        let value = value.as_ref();
        let Some(object) = Object::of_cluster(value) else { continue };
        let spec = Spec::parse(value);
        let (history, attempt) = match &spec {
            Ok(spec) => {
                let release = (spec.target_namespace.clone(), spec.release_name.clone());
                let history = histories.get(&release).cloned().unwrap_or_default();
                let attempt = ctx.attempt(&release);
                claimed.insert(release);
                (history, attempt)
            }
            Err(_) => (Vec::new(), None),
        };
        let chart = match &spec {
            Ok(spec) => match charts.get(&spec.chart) {
                Some(found) => found.clone(),
                None => {
                    let found = found_chart(ctx, &snapshot, &spec.chart).await;
                    charts.insert(spec.chart.clone(), found.clone());
                    found
                }
            },
            Err(error) => Err(error.to_string()),
        };
        let (values, secrets) = match &spec {
            Ok(spec) => values::compose(ctx, spec, &chart, &mut used).await,
            Err(error) => (Err(error.to_string()), Digest::of("")),
        };
        let labels = object.labels();
        releases.push(ReleaseView {
            generation: value.pointer("/metadata/generation").and_then(Value::as_u64).unwrap_or_default(),
            status: value.get("status").cloned().unwrap_or(Value::Null),
            environment: environment_of(&labels, object.id.namespace.as_deref(), &namespaces),
            labels,
            annotations: object.annotations(),
            id: object.id,
            spec,
            chart,
            values,
            secrets,
            history,
            attempt,
        });
    }
    ctx.watched.keep_only(&used);
    // What another HelmRelease asks for is taken over by it and not uninstalled.
    histories.retain(|release, _| !claimed.contains(release));
    let orphans =
        if snapshot.manifests.problems.is_empty() { orphans(ctx, &snapshot, &releases, histories) } else { Vec::new() };
    let bound = ctx.statements.bindings(look).await;
    let policies = ctx.policies(&releases::attached(&releases, &bound), look).await;
    let (now, last, evidence) = (ctx.clock.now(), verdicts::last(ctx), Evidence::default());
    Ok(ReleasesView { now, releases, orphans, in_flight, policies, bound, last, evidence })
}

/// Every release record without its content, by namespace and release.
fn heads(ctx: &Context) -> BTreeMap<ReleaseName, Vec<Head>> {
    let mut histories: BTreeMap<ReleaseName, Vec<Head>> = BTreeMap::new();
    for head in ctx.watched.heads() {
        let known = Head {
            revision: head.version,
            status: head.status.clone(),
            at: head.written,
            marks: Marks::read(&head.annotations),
        };
        histories.entry((head.namespace.clone(), head.release.clone())).or_default().push(known);
    }
    histories
}

/// Releases of ours whose HelmRelease is gone, from the cluster and from git.
///
/// One that git still names comes back with the next sync: a definition that was deleted by mistake, or a cluster that
/// was restored without its HelmReleases, takes nothing down.
fn orphans(
    ctx: &Context,
    snapshot: &repository::Snapshot,
    releases: &[ReleaseView],
    histories: BTreeMap<ReleaseName, Vec<Head>>,
) -> Vec<Orphan> {
    let in_git = snapshot.manifests.objects.iter().filter(|object| object.id.kind == "HelmRelease");
    let mut known: BTreeSet<String> = in_git.map(|object| object.id.namespaced()).collect();
    known.extend(releases.iter().map(|release| release.id.namespaced()));
    let owned = histories.into_iter().filter_map(|(release, history)| {
        let owner = history.last()?.marks.owner.clone().filter(|owner| !known.contains(owner))?;
        let attempt = ctx.attempt(&release);
        let (namespace, name) = release;
        Some(Orphan { namespace, name, owner, attempt })
    });
    owned.collect()
}

/// A chart that was found lately, or as it is now.
async fn found_chart(
    ctx: &Context,
    snapshot: &repository::Snapshot,
    source: &ChartSource,
) -> Result<ChartView, String> {
    let ChartSource::Repository { .. } = source else { return chart(ctx, snapshot, source).await };
    let known = ctx.found_charts.lock().unwrap_or_else(PoisonError::into_inner).get(source).cloned();
    if let Some((_, chart)) = known.filter(|(at, _)| at.elapsed() < ctx.config.charts_sync_interval) {
        return Ok(chart);
    }
    let found = chart(ctx, snapshot, source).await?;
    let mut found_charts = ctx.found_charts.lock().unwrap_or_else(PoisonError::into_inner);
    found_charts.retain(|_, (at, _)| at.elapsed() < ctx.config.charts_sync_interval);
    found_charts.insert(source.clone(), (Instant::now(), found.clone()));
    Ok(found)
}

async fn chart(ctx: &Context, snapshot: &repository::Snapshot, source: &ChartSource) -> Result<ChartView, String> {
    match source {
        ChartSource::Git { path, .. } => {
            let (mirror, revision) = match chart_repositories::place(ctx, source) {
                Some(place) => chart_repositories::head(ctx, &place).await?,
                None => (Arc::clone(ctx.repository.mirror()), snapshot.revision.clone()),
            };
            let (at, folder) = (revision.clone(), path.clone());
            let tree = blocking(move || mirror.tree(&at, &folder)).await.map_err(|error| chain(&error))?;
            let tree = tree.ok_or_else(|| format!("there is no folder `{path}` in commit {}", revision.short()))?;
            Ok(ChartView {
                digest: Digest::of_parts([b"git-tree".as_slice(), tree.as_bytes()]),
                revision: revision.to_string(),
                title: format!("{path} at {}", revision.short()),
                about: unread(),
            })
        }
        ChartSource::Repository { url, name, version } => {
            let archive = ctx.charts.fetch(url, name, version).await.map_err(|error| chain(&error))?;
            Ok(ChartView {
                title: format!("{name} {}", archive.version),
                revision: archive.version,
                digest: archive.digest,
                about: unread(),
            })
        }
    }
}

/// Reads and parses the chart of a release, or takes it from those that were parsed before.
pub(crate) async fn read_chart(ctx: &Context, release: &ReleaseView) -> Result<Arc<Chart>, String> {
    let (Ok(spec), Ok(view)) = (&release.spec, &release.chart) else { return Err("there is no chart".to_owned()) };
    if let Some(chart) = ctx.parsed_chart(&view.digest) {
        return Ok(chart);
    }
    let chart = Arc::new(parse(ctx, &spec.chart, view).await?);
    ctx.keep_chart(view.digest.clone(), Arc::clone(&chart));
    Ok(chart)
}

/// A chart as policies see it.
pub(crate) fn about(chart: &Chart) -> judge::Chart {
    let metadata = chart.metadata();
    judge::Chart {
        name: metadata.name.clone(),
        version: metadata.version.clone(),
        app_version: metadata.app_version.clone(),
    }
}

async fn parse(ctx: &Context, source: &ChartSource, view: &ChartView) -> Result<Chart, String> {
    let limits = rhumb_helm::Limits::default();
    match source {
        ChartSource::Git { path, .. } => {
            let mirror = mirror(ctx, source).await?;
            let (revision, folder) = (rhumb_core::id::Revision::new(&view.revision), path.clone());
            let files = blocking(move || mirror.files(&revision, &[folder], &|_| true)).await;
            let prefix = format!("{}/", path.trim_start_matches("./").trim_matches('/'));
            let files = files.map_err(|error| chain(&error))?;
            if let Some(pointer) = files.iter().find(|file| file.is_lfs_pointer()) {
                return Err(format!(
                    "`{}` is a pointer of Git LFS, which is not spoken; commit the file itself",
                    pointer.path
                ));
            }
            let files = files.into_iter().map(|file| rhumb_helm::File {
                path: file.path.strip_prefix(&prefix).unwrap_or(&file.path).to_owned(),
                data: file.data,
            });
            Chart::from_files(files.collect(), &limits).map_err(|error| chain(&error))
        }
        ChartSource::Repository { .. } => {
            let archive = archive(ctx, source, view).await?;
            Chart::from_archive(&archive.data, &limits).map_err(|error| chain(&error))
        }
    }
}

/// The mirror that holds a chart of git.
pub(crate) async fn mirror(ctx: &Context, source: &ChartSource) -> Result<Arc<Mirror>, String> {
    match chart_repositories::place(ctx, source) {
        Some(place) => Ok(chart_repositories::head(ctx, &place).await?.0),
        None => Ok(Arc::clone(ctx.repository.mirror())),
    }
}

/// The archive of a chart of a Helm repository, as it was looked at.
pub(crate) async fn archive(ctx: &Context, source: &ChartSource, view: &ChartView) -> Result<Archive, String> {
    let ChartSource::Repository { url, name, version } = source else { return Err("the chart is in git".to_owned()) };
    let archive = ctx.charts.fetch(url, name, version).await.map_err(|error| chain(&error))?;
    if archive.digest != view.digest {
        return Err(format!("chart `{name}` changed while it was read; it is looked at again"));
    }
    Ok(archive)
}

fn unread() -> judge::Chart {
    judge::Chart { name: String::new(), version: String::new(), app_version: None }
}
