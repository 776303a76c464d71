//! An HTTP server for tests: one function answers, every request is remembered.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode, Uri};

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
}

impl Seen {
    pub(crate) fn path(&self) -> &str {
        self.uri.path()
    }

    pub(crate) fn query(&self, key: &str) -> Option<&str> {
        self.uri.query()?.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
    }

    pub(crate) fn header(&self, key: &str) -> Option<&str> {
        self.headers.get(key)?.to_str().ok()
    }
}

/// A running server; it ends with the test's runtime.
pub(crate) struct Fake {
    /// `127.0.0.1:port`.
    pub(crate) host: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Fake {
    pub(crate) async fn serve(answer: impl Fn(&Seen) -> Response<Body> + Send + Sync + 'static) -> Self {
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let log = Arc::clone(&seen);
        let answer = Arc::new(answer);
        let app = axum::Router::new().fallback(move |request: axum::extract::Request| {
            let seen = Seen { uri: request.uri().clone(), headers: request.headers().clone() };
            log.lock().unwrap().push(seen.clone());
            let answer = Arc::clone(&answer);
            async move { answer(&seen) }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { host, seen }
    }

    /// The requests since the last call.
    pub(crate) fn requests(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

/// An answer with a status, headers and a body.
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Response<Body> {
    let mut builder = Response::builder().status(StatusCode::from_u16(status).unwrap());
    for (key, value) in headers {
        builder = builder.header(*key, *value);
    }
    builder.body(body.into()).unwrap()
}
