//! Composes the values of a release from where its spec says that they come from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use rhumb_core::chain::chain;
use rhumb_core::id::{Digest, Revision};
use rhumb_core::releases::{ChartFileRef, ChartSource, ChartView, KeyRef, Spec, ValuesFrom};
use rhumb_core::values::{Origin, Sealed, seal};
use rhumb_io::cluster::{Place, config_map_value, secret_value};
use rhumb_io::documents::DOCUMENT_LIMIT;
use rhumb_io::git;
use serde_json::{Map, Value};

use crate::context::Context;
use crate::releases_view;
use crate::repository::blocking;
use crate::watched::Source;

/// Most files of charts that are kept.
const FILES_KEPT: usize = 256;

/// Files of charts that values come from, by chart and path. What a chart of a digest holds never changes.
pub(crate) type ChartFiles = Mutex<BTreeMap<(Digest, String), Option<String>>>;

/// URLs that values come from.
pub(crate) fn urls(spec: &Spec) -> impl Iterator<Item = String> {
    spec.values_from.iter().filter_map(|source| match source {
        ValuesFrom::External(external) => Some(external.url.clone()),
        _ => None,
    })
}

/// One layer as text.
struct Layer {
    /// What it is, for people.
    title: String,
    origin: Origin,
    optional: bool,
    /// `None` when it is not there.
    text: Result<Option<String>, String>,
}

/// The values of a release with secrets sealed, and the digest of the secrets.
pub(crate) async fn compose(
    ctx: &Context,
    spec: &Spec,
    chart: &Result<ChartView, String>,
    used: &mut BTreeSet<(Source, Place)>,
) -> (Result<Sealed, String>, Digest) {
    let mut layers = Vec::new();
    let mut secrets = Vec::new();
    for source in &spec.values_from {
        let Layer { title, origin, optional, text } = layer(ctx, (spec, chart), source, used).await;
        let text = match text {
            Ok(Some(text)) => text,
            Ok(None) if optional => continue,
            Ok(None) => return (Err(format!("{title} is not there")), Digest::of("")),
            Err(why) => return (Err(format!("{title}: {why}")), Digest::of("")),
        };
        if origin == Origin::Secret {
            secrets.push(text.clone());
        }
        match mapping(&text) {
            Some(layer) => layers.push((origin, layer)),
            None if optional => {}
            // The content is never shown: it may be a secret.
            None => return (Err(format!("{title} is not a YAML mapping")), Digest::of("")),
        }
    }
    layers.push((Origin::Open, spec.values.clone()));
    (Ok(seal(layers)), Digest::of_parts(secrets.iter().map(String::as_bytes)))
}

async fn layer(
    ctx: &Context,
    (spec, chart): (&Spec, &Result<ChartView, String>),
    source: &ValuesFrom,
    used: &mut BTreeSet<(Source, Place)>,
) -> Layer {
    match source {
        ValuesFrom::ConfigMap(key) => of_object(ctx, (Source::ConfigMap, Origin::Open), key, used).await,
        ValuesFrom::Secret(key) => of_object(ctx, (Source::Secret, Origin::Secret), key, used).await,
        ValuesFrom::External(external) => {
            let content = ctx.documents.content(&external.url);
            let text = content.map(|text| Some(text.to_string()));
            Layer {
                // The URL may hold a token; the error names the rest of it.
                title: "values of externalSourceRef".to_owned(),
                origin: Origin::Open,
                optional: external.optional,
                // Whatever is wrong with what may be missing, as in Helm Operator.
                text: text.or_else(|why| if external.optional { Ok(None) } else { Err(why) }),
            }
        }
        ValuesFrom::ChartFile(file) => {
            let text = match chart {
                Ok(chart) => chart_file(ctx, &spec.chart, chart, file).await,
                Err(why) => Err(why.clone()),
            };
            Layer {
                title: format!("file `{}` of the chart", file.path),
                origin: Origin::Open,
                optional: file.optional,
                text: text.or_else(|why| if file.optional { Ok(None) } else { Err(why) }),
            }
        }
    }
}

async fn of_object(
    ctx: &Context,
    (from, origin): (Source, Origin),
    key: &KeyRef,
    used: &mut BTreeSet<(Source, Place)>,
) -> Layer {
    let place = (key.namespace.clone(), key.name.clone());
    let content = ctx.watched.content(&ctx.cluster, from, &place).await;
    used.insert((from, place));
    let text = content.and_then(|content| match (content, from) {
        (Some(content), Source::Secret) => secret_value(&content, &key.key),
        (Some(content), Source::ConfigMap) => config_map_value(&content, &key.key),
        (None, _) => Ok(None),
    });
    let kind = if origin == Origin::Secret { "Secret" } else { "ConfigMap" };
    Layer {
        title: format!("key `{}` of {kind} {}/{}", key.key, key.namespace, key.name),
        origin,
        optional: key.optional,
        text: text
            .map(|bytes| bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
            .map_err(|error| chain(&error)),
    }
}

/// A file of a chart as it is in the chart, whatever `.helmignore` says; `None` when there is none.
async fn chart_file(
    ctx: &Context,
    source: &ChartSource,
    chart: &ChartView,
    file: &ChartFileRef,
) -> Result<Option<String>, String> {
    let id = (chart.digest.clone(), file.path.clone());
    if let Some(known) = ctx.chart_files.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
        return Ok(known.clone());
    }
    let data = match source {
        ChartSource::Git { path, .. } => {
            let mirror = releases_view::mirror(ctx, source).await?;
            let folder = path.trim_start_matches("./").trim_matches('/');
            let path = if matches!(folder, "" | ".") { file.path.clone() } else { format!("{folder}/{}", file.path) };
            let (revision, wanted) = (Revision::new(&chart.revision), path.clone());
            match blocking(move || mirror.files(&revision, &[wanted], &|_| true)).await {
                Ok(files) => files.into_iter().find(|file| file.path == path).map(|file| file.data),
                Err(git::Error::NoPath { .. }) => None,
                Err(error) => return Err(chain(&error)),
            }
        }
        ChartSource::Repository { .. } => {
            let archive = releases_view::archive(ctx, source, chart).await?;
            let files = rhumb_helm::unpack(&archive.data, &rhumb_helm::Limits::default());
            let files = files.map_err(|error| chain(&error))?;
            files.into_iter().find(|one| one.path == file.path).map(|file| file.data)
        }
    };
    if data.as_ref().is_some_and(|data| data.len() > DOCUMENT_LIMIT) {
        return Err(format!("it is larger than {DOCUMENT_LIMIT} bytes"));
    }
    let text = data.map(|data| String::from_utf8_lossy(&data).into_owned());
    let mut files = ctx.chart_files.lock().unwrap_or_else(PoisonError::into_inner);
    if files.len() >= FILES_KEPT {
        files.pop_first();
    }
    files.insert(id, text.clone());
    Ok(text)
}

fn mapping(text: &str) -> Option<Map<String, Value>> {
    match rhumb_yaml::from_str(text).ok()? {
        Value::Object(map) => Some(map),
        Value::Null => Some(Map::new()),
        _ => None,
    }
}
