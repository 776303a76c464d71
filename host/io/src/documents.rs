//! Files behind URLs that releases take values from: read as anybody may read them, bounded in size and time.

use std::time::Duration;

use crate::web::{self, Failure, Request, Web};

/// Largest document, in bytes.
pub const DOCUMENT_LIMIT: usize = 1024 * 1024;
/// Longest exchange, the body included.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A failed attempt to read a document.
#[derive(Debug, thiserror::Error)]
#[error("failed to read `{url}`")]
pub struct Error {
    /// Without user, password and query.
    pub url: String,
    /// Why.
    #[source]
    pub kind: Kind,
}

/// Why a document could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Kind {
    /// The URL is none.
    #[error("it is no URL")]
    BadUrl,
    /// No answer, or one that cannot be used.
    #[error(transparent)]
    Web(#[from] Failure),
    /// The server gave something else than the document.
    #[error("the server answered {status}")]
    Status {
        /// The HTTP status.
        status: u16,
    },
    /// The document is not UTF-8.
    #[error("it is no text")]
    NotText,
}

impl Error {
    /// Whether the document itself is the cause, so that the same answer is to be expected again.
    pub fn is_final(&self) -> bool {
        match &self.kind {
            Kind::BadUrl | Kind::NotText | Kind::Web(Failure::Refused { .. } | Failure::TooLarge { .. }) => true,
            Kind::Status { status } => matches!(status, 400..=428 | 430..=499),
            Kind::Web(_) => false,
        }
    }
}

/// Reads documents. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client(Web);

impl Client {
    /// Sets up the TLS stack; nothing is sent.
    pub fn new() -> Result<Self, Failure> {
        Web::everywhere(TIMEOUT).map(Self)
    }

    /// The text behind an `http` or `https` URL. No credentials are sent, and no redirect leads to another scheme than
    /// https.
    pub async fn read(&self, url: &str) -> Result<String, Error> {
        self.get(url, DOCUMENT_LIMIT, |body| String::from_utf8(body).map_err(|_| Kind::NotText)).await
    }

    /// The same for bytes, at most so many.
    pub async fn bytes(&self, url: &str, limit: usize) -> Result<Vec<u8>, Error> {
        self.get(url, limit, Ok).await
    }

    async fn get<T>(&self, url: &str, limit: usize, make: impl FnOnce(Vec<u8>) -> Result<T, Kind>) -> Result<T, Error> {
        let parsed = reqwest::Url::parse(url).ok().filter(|url| url.username().is_empty() && url.password().is_none());
        let shown = parsed.as_ref().map_or_else(|| "a URL that cannot be used".to_owned(), web::shown);
        let run = async {
            let response = self.0.send(Request::get(parsed.ok_or(Kind::BadUrl)?)).await?;
            match response.status().as_u16() {
                200 => {}
                status => return Err(Kind::Status { status }),
            }
            make(web::body(response, limit).await?)
        };
        run.await.map_err(|kind| Error { url: shown, kind })
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use axum::response::Redirect;
    use axum::routing::get;
    use rhumb_core::chain::chain;

    use super::*;

    async fn server() -> String {
        let to = |target: &'static str| get(move || async move { Redirect::temporary(target) });
        let router = Router::new()
            .route("/values.yaml", get(|| async { "a: 1\n" }))
            .route("/moved", to("/values.yaml"))
            .route("/file", to("file:///etc/passwd"))
            .route("/around", to("/around"))
            .route("/large", get(|| async { "x".repeat(DOCUMENT_LIMIT + 1) }))
            .route("/binary", get(|| async { vec![0xff_u8, 0xfe] }))
            .route("/broken", get(|| async { StatusCode::BAD_GATEWAY }))
            .route("/empty", get(|| async { StatusCode::NO_CONTENT }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    #[tokio::test]
    async fn reads_documents_and_tells_what_will_not_pass_from_what_may() {
        let server = server().await;
        let client = Client::new().unwrap();
        for path in ["/values.yaml", "/moved"] {
            assert_eq!(client.read(&format!("{server}{path}")).await.unwrap(), "a: 1\n");
        }
        let failed = async |path: &str| {
            let error = client.read(&format!("{server}{path}?token=hunter2")).await.unwrap_err();
            assert!(!chain(&error).contains("hunter2"), "{}", chain(&error));
            (error.is_final(), chain(&error.kind))
        };
        assert_eq!(failed("/none").await, (true, "the server answered 404".to_owned()));
        assert_eq!(failed("/broken").await, (false, "the server answered 502".to_owned()));
        assert_eq!(failed("/empty").await, (false, "the server answered 204".to_owned()));
        assert_eq!(failed("/large").await, (true, format!("answer is larger than {DOCUMENT_LIMIT} bytes")));
        assert_eq!(failed("/binary").await, (true, "it is no text".to_owned()));
        assert_eq!(
            failed("/file").await,
            (true, "will not go to `file:///etc/passwd`: only https and http are spoken".to_owned())
        );
        assert!(failed("/around").await.1.contains("too many redirects"));
        let nobody = client.read("http://127.0.0.1:1/x").await.unwrap_err();
        assert!(!nobody.is_final());
        assert!(client.read("http://user:hunter2@127.0.0.1:1/x").await.unwrap_err().is_final());
    }
}
