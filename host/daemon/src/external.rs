//! Values behind URLs: read when it is time to, all at once, and kept in between.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rhumb_core::chain::chain;
use rhumb_core::id::Timestamp;
use rhumb_io::documents::{self, Client};
use rhumb_io::web::Failure;
use tokio::task::JoinSet;

/// How soon a document is asked for again that could not be read.
const RETRY_MILLIS: u64 = 10_000;
/// Most documents that are asked for at the same time.
const AT_ONCE: usize = 32;

/// The documents that releases take values from.
#[derive(Debug)]
pub struct Documents {
    client: Client,
    interval_millis: u64,
    known: Mutex<BTreeMap<String, Known>>,
}

#[derive(Clone, Debug)]
struct Known {
    content: Result<Arc<str>, String>,
    /// When it is read again.
    due: Timestamp,
    /// Whether it is asked for again before the interval is over.
    is_failed: bool,
}

impl Documents {
    /// Each is read again at this interval.
    pub fn new(interval: Duration) -> Result<Self, Failure> {
        let millis = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
        // A little less, so that the pass at each interval finds it due.
        Ok(Self { client: Client::new()?, interval_millis: millis - millis / 10, known: Mutex::default() })
    }

    /// Reads those of these documents that are due, and forgets all others. One that hangs holds up no other for longer
    /// than itself.
    pub async fn look(&self, urls: &BTreeSet<String>, now: Timestamp) {
        self.lock().retain(|url, _| urls.contains(url));
        let is_due = |url: &&String| self.lock().get(*url).is_none_or(|known| known.due <= now);
        let due: Vec<String> = urls.iter().filter(is_due).cloned().collect();
        for some in due.chunks(AT_ONCE) {
            let mut reads = JoinSet::new();
            for url in some.iter().cloned() {
                let client = self.client.clone();
                reads.spawn(async move {
                    let read = client.read(&url).await;
                    (url, read)
                });
            }
            while let Some(read) = reads.join_next().await {
                // A read neither panics nor is cancelled while the runtime lives.
                let Ok((url, read)) = read else { continue };
                self.keep(url, read, now);
            }
        }
    }

    fn keep(&self, url: String, read: Result<String, documents::Error>, now: Timestamp) {
        let mut known = self.lock();
        let before = known.get(&url);
        let is_news = before.is_none_or(|before| !before.is_failed);
        let before = before.and_then(|before| before.content.clone().ok());
        let (content, is_failed) = match (read, before) {
            (Ok(text), _) => (Ok(text.into()), false),
            // A server that is away for a while takes no values away.
            (Err(error), Some(before)) if !error.is_final() => {
                if is_news {
                    tracing::warn!(error = chain(&error), "values behind a URL not read again; the last ones stay");
                }
                (Ok(before), true)
            }
            (Err(error), _) => (Err(chain(&error)), true),
        };
        let due = now.plus_millis(if is_failed { RETRY_MILLIS } else { self.interval_millis });
        known.insert(url, Known { content, due, is_failed });
    }

    /// What is behind a URL now, at most so many bytes; nothing is kept of it.
    pub(crate) async fn bytes(&self, url: &str, limit: usize) -> Result<Vec<u8>, documents::Error> {
        self.client.bytes(url, limit).await
    }

    /// A document as it was read last; the error says why there is none.
    pub fn content(&self, url: &str) -> Result<Arc<str>, String> {
        let known = self.lock().get(url).map(|known| known.content.clone());
        known.unwrap_or_else(|| Err("it was not read yet".to_owned()))
    }

    /// When one that failed is to be asked for again; the others come with the interval of the loop.
    pub fn due(&self) -> Option<Timestamp> {
        self.lock().values().filter(|known| known.is_failed).map(|known| known.due).min()
    }

    /// Has all of them read at the next look.
    pub fn forget(&self) {
        for known in self.lock().values_mut() {
            known.due = Timestamp(0);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        // The map is whole at any time, so another thread's panic does not matter.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;

    use super::*;

    #[tokio::test]
    async fn a_document_is_read_when_it_is_due_and_stays_while_its_server_is_away() {
        let router = Router::new().route("/v", get(|| async { "a: 1\n" }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        let documents = Documents::new(Duration::from_secs(100)).unwrap();
        let nobody = "http://127.0.0.1:1/v".to_owned();
        let both = BTreeSet::from([url.clone(), nobody.clone()]);
        documents.look(&both, Timestamp(0)).await;
        assert_eq!(documents.content(&url).unwrap().as_ref(), "a: 1\n");
        assert!(documents.content(&nobody).is_err());
        // What failed is asked for again soon, the other at its time.
        assert_eq!(documents.due(), Some(Timestamp(RETRY_MILLIS)));
        server.abort();
        let _ = server.await;
        documents.look(&BTreeSet::from([url.clone()]), Timestamp(89_000)).await;
        assert_eq!(documents.due(), None, "what nobody asks for is forgotten, and the other is not due");
        documents.look(&BTreeSet::from([url.clone()]), Timestamp(90_000)).await;
        assert_eq!(documents.content(&url).unwrap().as_ref(), "a: 1\n");
        assert_eq!(documents.due(), Some(Timestamp(90_000 + RETRY_MILLIS)));
    }
}
