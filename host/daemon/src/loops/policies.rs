//! Declared policies → the sandbox: one pass.
//!
//! A pass decides which of them are to be loaded, has that begun, and tells how each stands. It waits a little for those that
//! are loaded, so that whoever asks next finds them; what takes longer tells at its end.

use std::sync::Arc;
use std::time::Duration;

use rhumb_core::chain::chain;
use rhumb_core::id::Timestamp;
use rhumb_core::objects::{API_VERSION, Source};
use rhumb_core::policies::{PolicyId, standing};
use rhumb_io::cluster::{Key, Look};

use super::Error;
use crate::context::Context;
use crate::policies::Wish;
use crate::publish;
use crate::repository::blocking;

/// How long a pass waits for what it began.
const PATIENCE: Duration = Duration::from_secs(2);

/// What one pass came to.
#[derive(Debug)]
pub struct Pass {
    /// Whether the other loops have something else to ask than before.
    pub changed: bool,
    /// When to look again.
    pub due: Option<Timestamp>,
}

/// Makes one pass: look, load, tell.
pub async fn pass(ctx: &Arc<Context>, look: Look) -> Result<Pass, Error> {
    let objects = ctx.declared.objects(look).await.map_err(Error::Watch)?;
    let snapshot = ctx.repository.snapshot().await?;
    let mut wishes = Vec::new();
    for declared in objects {
        let version = match &declared.source {
            Ok(Source::Builtin(name)) => ctx.library.version(name),
            Ok(Source::Path(path)) => {
                let (mirror, at, path) = (Arc::clone(ctx.repository.mirror()), snapshot.revision.clone(), path.clone());
                // What cannot be found is told by whoever fetches it.
                blocking(move || mirror.blob(&at, &path)).await.ok().flatten().unwrap_or_default()
            }
            // What their digests mean does not change.
            _ => String::new(),
        };
        wishes.push(Wish::new(declared, &version));
    }
    let tasks = ctx.declared.grant(ctx, &wishes, snapshot.revision.clone());
    // A task that takes longer goes on; its outcome is where it would be.
    let _ = tokio::time::timeout(PATIENCE, futures::future::join_all(tasks)).await;
    let (standings, due) = ctx.declared.standings(ctx, &wishes);
    for (wish, stands) in wishes.iter().zip(&standings) {
        let (id, old) = (&wish.declared.id, &wish.declared.status);
        let new = standing(old, stands, ctx.clock.now());
        match publish::patched(ctx, &key(id), (old, &new), None).await {
            Ok(Some(version)) => ctx.declared.known(id, &version).await,
            Ok(None) => {}
            Err(error) => tracing::warn!(policy = %id, error = chain(&error), "status not written"),
        }
    }
    Ok(Pass { changed: !ctx.declared.is_told(ctx, &wishes), due })
}

fn key(id: &PolicyId) -> Key {
    Key {
        api_version: API_VERSION.to_owned(),
        kind: id.kind().to_owned(),
        namespace: id.namespace.clone(),
        name: id.name.to_string(),
    }
}
