//! Reads what runs where, for promotion rules.

use rhumb_core::chain::chain;
use rhumb_core::environment::{self, Deployed, Record, environment_of};
use rhumb_core::id::Timestamp;
use rhumb_core::images;
use rhumb_core::manifest::Object;
use rhumb_core::releases::{Marks, Spec};
use rhumb_helm::record::Release;
use rhumb_io::cluster::Look;
use rhumb_io::cluster::records::Stored;
use serde_json::Value;

use crate::context::Context;
use crate::repository::Snapshot;

/// Every HelmRelease of the cluster with its records.
pub(crate) async fn deployed(ctx: &Context, snapshot: &Snapshot) -> Vec<Deployed> {
    if let Err(error) = ctx.watched.current(Look::Watched).await {
        tracing::warn!(error = chain(&error), "evidence not read");
        return Vec::new();
    }
    let namespaces = images::namespaces(&snapshot.manifests.objects);
    let mut all = Vec::new();
    for value in ctx.watched.helm_releases() {
        let (Some(object), Ok(spec)) = (Object::of_cluster(&value), Spec::parse(&value)) else { continue };
        let history = match ctx.cluster.history(&spec.target_namespace, &spec.release_name).await {
            Ok(history) => history.iter().map(record).collect(),
            Err(error) => {
                tracing::warn!(object = %object.id, error = chain(&error), "release records not read");
                continue;
            }
        };
        let environment = environment_of(&object.labels(), object.id.namespace.as_deref(), &namespaces);
        all.push(environment::deployed(&object, environment, history));
    }
    all
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
