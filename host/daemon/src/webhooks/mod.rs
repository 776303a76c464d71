//! Webhooks: git hosts and registries say that there is something new. A listener of its own, off unless it is asked
//! for, as its callers come from anywhere.
//!
//! What is posted is looked at for a proof and for nothing that could be acted on: an event only says "look again".

mod check;
mod listener;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::routing::post;
use rhumb_core::chain::chain;
use rhumb_io::cluster::{Key, Place, secret_value};
use serde::Deserialize;
use tokio::net::TcpListener;

use self::check::Credentials;
use self::listener::Bounded;
use crate::driver::Daemon;
use crate::event::Event;
use crate::watched::Source;

/// Secret in the daemon's namespace with what callers must know, under the keys `git` and `registry`.
pub const SECRET: &str = "rhumb-webhooks";
/// Largest body that is read, in bytes. A larger one is noticed at the next poll.
const BODY_LIMIT: usize = 1024 * 1024;

struct Webhooks {
    daemon: Arc<Daemon>,
    place: Place,
    /// The Secret as it was read last, by its version.
    known: Mutex<Option<(String, Arc<Secrets>)>>,
}

#[derive(Default)]
struct Secrets {
    git: Vec<u8>,
    registry: Vec<u8>,
}

#[derive(Deserialize)]
struct Parameters {
    token: Option<String>,
}

/// Serves webhooks until the process ends.
pub async fn serve(daemon: Arc<Daemon>, listener: TcpListener) -> io::Result<()> {
    let place = (daemon.ctx.config.namespace.clone(), SECRET.to_owned());
    let hooks = Arc::new(Webhooks { daemon, place, known: Mutex::default() });
    let router = Router::new().route("/git", post(git)).route("/registry", post(registry)).with_state(hooks);
    axum::serve(Bounded::new(listener), router).await
}

async fn git(State(hooks): State<Arc<Webhooks>>, request: Request) -> StatusCode {
    let credentials = Credentials::of(request.headers(), None);
    match hooks.proven(credentials, request, |secrets| &secrets.git).await {
        Ok(_) => hooks.wake(Event::Git),
        Err(status) => status,
    }
}

async fn registry(
    State(hooks): State<Arc<Webhooks>>,
    Query(parameters): Query<Parameters>,
    request: Request,
) -> StatusCode {
    // Docker Hub and Quay can set no header.
    let credentials = Credentials::of(request.headers(), parameters.token.as_deref());
    match hooks.proven(credentials, request, |secrets| &secrets.registry).await {
        Ok(body) if check::tells_of_an_image(&body) => hooks.wake(Event::Registry),
        Ok(_) => StatusCode::OK,
        Err(status) => status,
    }
}

impl Webhooks {
    /// The body of a request whose sender knows the secret.
    async fn proven(
        &self,
        credentials: Credentials,
        request: Request,
        which: fn(&Secrets) -> &Vec<u8>,
    ) -> Result<Vec<u8>, StatusCode> {
        if credentials.is_empty() {
            return Err(StatusCode::UNAUTHORIZED);
        }
        let body = to_bytes(request.into_body(), BODY_LIMIT).await.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
        let secrets = self.secrets().await.ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
        if !credentials.prove(which(&secrets), &body) {
            tracing::debug!("webhook refused: its sender does not know the secret");
            return Err(StatusCode::UNAUTHORIZED);
        }
        Ok(body.to_vec())
    }

    fn wake(&self, event: Event) -> StatusCode {
        // Another daemon acts; whoever tries again may reach that one.
        if !self.daemon.ctx.cluster.term().holds() {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        tracing::debug!(?event, "woken by a webhook");
        self.daemon.notify(event);
        StatusCode::ACCEPTED
    }

    /// The Secret, read again when it changed; empty when there is none, which nobody can know. `None` when it cannot be
    /// read.
    async fn secrets(&self) -> Option<Arc<Secrets>> {
        let ctx = &self.daemon.ctx;
        let Some(version) = ctx.watched.version(Source::Secret, &self.place) else { return Some(Arc::default()) };
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, secrets)) = known.filter(|(of, _)| *of == version) {
            return Some(secrets);
        }
        let secret = match ctx.cluster.get(&Key::new("v1", "Secret", &self.place.0, &self.place.1)).await {
            Ok(secret) => secret.unwrap_or_default(),
            Err(error) => {
                tracing::warn!(error = chain(&error), "secrets of webhooks not read");
                return None;
            }
        };
        // Made from a file, they end in a line break.
        let read = |key: &str| {
            let value = secret_value(&secret, key).ok().flatten().unwrap_or_default();
            value.trim_ascii_end().to_vec()
        };
        let secrets = Arc::new(Secrets { git: read("git"), registry: read("registry") });
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((version, Arc::clone(&secrets)));
        Some(secrets)
    }
}
