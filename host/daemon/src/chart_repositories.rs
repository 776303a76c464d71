//! Charts from git repositories other than the config repository at its branch.

use std::collections::BTreeSet;
use std::sync::Arc;

use rhumb_core::chain::chain;
use rhumb_core::id::Revision;
use rhumb_core::releases::ChartSource;
use rhumb_io::git::{Login, Mirror, Names, Origin};
use rhumb_io::identity;
use tokio::task::JoinSet;

use crate::context::Context;

/// A branch, tag or commit of a chart's repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    origin: Origin,
    reference: String,
}

/// Where a chart is outside of the config repository; `None` when it is in it, at the branch that is followed.
pub(crate) fn place(ctx: &Context, source: &ChartSource) -> Option<Place> {
    let ChartSource::Git { url, reference, secret, .. } = source else { return None };
    let own = is_config_repository(ctx, url);
    let reference = reference.clone();
    if own {
        let reference = reference.filter(|reference| *reference != ctx.config.git_branch)?;
        // By the name that the daemon knows it by: the one of the release may lead nowhere from here.
        return Some(Place { origin: Origin { url: ctx.config.git_url.clone(), secret: None }, reference });
    }
    // Helm Operator passes the login over for everything but https.
    let secret = secret.as_ref().filter(|_| url.starts_with("https://"));
    let secret = secret.map(|(namespace, name)| format!("{namespace}/{name}"));
    let reference = reference.unwrap_or_else(|| ctx.config.git_default_ref.clone());
    Some(Place { origin: Origin { url: url.clone(), secret }, reference })
}

/// Looks at all of these at the same time where it is time to, so that one that hangs holds up no other for longer than
/// itself; [`head`] finds what came of it.
pub(crate) async fn look(ctx: &Context, places: BTreeSet<Place>) {
    ctx.chart_repositories
        .keep(&|origin, reference| places.contains(&Place { origin: origin.clone(), reference: reference.to_owned() }));
    if places.is_empty() {
        return;
    }
    ctx.git_access.refresh(&ctx.config, &ctx.cluster).await;
    let now = ctx.clock.now();
    let mut tasks = JoinSet::new();
    for place in places {
        // A login that cannot be read is said where the release is looked at.
        let Ok(login) = login(ctx, &place).await else { continue };
        let repositories = Arc::clone(&ctx.chart_repositories);
        tasks.spawn_blocking(move || {
            let _ = repositories.head(&place.origin, login, &place.reference, now);
        });
    }
    while tasks.join_next().await.is_some() {}
}

/// The commit at this place, and the mirror that holds it.
pub(crate) async fn head(ctx: &Context, place: &Place) -> Result<(Arc<Mirror>, Revision), String> {
    let login = login(ctx, place).await?;
    let (repositories, place, now) = (Arc::clone(&ctx.chart_repositories), place.clone(), ctx.clock.now());
    let head = tokio::task::spawn_blocking(move || repositories.head(&place.origin, login, &place.reference, now));
    match head.await {
        Ok(head) => head.map_err(|error| chain(&*error)),
        // The work neither panics nor is cancelled while the runtime lives.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

async fn login(ctx: &Context, place: &Place) -> Result<Option<Login>, String> {
    let Some((namespace, name)) = place.origin.secret.as_deref().and_then(|secret| secret.split_once('/')) else {
        return Ok(None);
    };
    identity::login(&ctx.cluster, namespace, name).await.map(Some).map_err(|error| chain(&error))
}

/// Whether a chart's git URL is the config repository: the same URL, or one of its other names.
fn is_config_repository(ctx: &Context, url: &str) -> bool {
    let urls = std::iter::once(&ctx.config.git_url).chain(&ctx.config.git_alias).cloned().collect();
    Names { urls, rewrites: ctx.git_access.access().rewrites().clone() }.contain(url)
}
