//! One HTTP request to a port of a pod, through the API server (`pods/portforward`): whoever may make it was let in by
//! Kubernetes' own authentication and RBAC. No port is opened on this machine.

use std::time::Duration;

use http::header::HOST;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use serde_json::Value;

use super::client::{Cluster, JSON, malformed};
use super::error::{Error, Kind};
use super::objects::List;

/// Largest answer of a pod, in bytes.
const ANSWER_LIMIT: usize = 64 * 1024 * 1024;

/// A pod's answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: http::HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Cluster {
    /// The names of the running pods of a namespace that a label selector takes: first those that are ready, which of
    /// several daemons is the one that leads; else sorted.
    pub async fn running_pods(&self, namespace: &str, selector: &str) -> Result<Vec<String>, Error> {
        let list =
            List { api_version: "v1", kind: "Pod", namespace: Some(namespace), selector: Some(selector), accept: JSON };
        let pods = self.list_pages(&list).await?;
        let text = |pod: &Value, pointer: &str| pod.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let running = |pod: &&Value| {
            text(pod, "/status/phase").as_deref() == Some("Running")
                && pod.pointer("/metadata/deletionTimestamp").is_none()
        };
        let is_ready = |pod: &Value| {
            let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
            conditions.is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"))
        };
        let named = |pod: &Value| Some((!is_ready(pod), text(pod, "/metadata/name")?));
        let mut found: Vec<(bool, String)> = pods.iter().filter(running).filter_map(named).collect();
        found.sort();
        let names = found.into_iter().map(|(_, name)| name).collect();
        Ok(names)
    }

    /// Sends one request to a port on the pod's loopback and reads the whole answer.
    pub async fn ask_pod(
        &self,
        (namespace, pod, port): (&str, &str, u16),
        request: Request<Vec<u8>>,
        limit: Duration,
    ) -> Result<Answer, Error> {
        let exchange = async {
            let pods: Api<Pod> = Api::namespaced(self.client(), namespace);
            let mut forward = pods.portforward(pod, &[port]).await.map_err(refused)?;
            let stream = forward.take_stream(port).ok_or_else(|| malformed(&"no stream for the port"))?;
            let failed = forward.take_error(port);
            let asked = ask(stream, request).await;
            // The kubelet's own words say more than a stream that closed.
            let said = match (asked.is_err(), failed) {
                (true, Some(failed)) => tokio::time::timeout(Duration::from_secs(1), failed).await.ok().flatten(),
                _ => None,
            };
            forward.abort();
            match said {
                Some(said) => Err(Kind::Unreachable(rhumb_core::chain::cut(said.trim(), 500).into())),
                None => asked,
            }
        };
        let answer = tokio::time::timeout(limit, exchange).await.unwrap_or(Err(Kind::Timeout { limit }));
        answer.map_err(|kind| kind.at("reach", format!("port {port} of pod {namespace}/{pod}")))
    }
}

async fn ask(stream: tokio::io::DuplexStream, request: Request<Vec<u8>>) -> Result<Answer, Kind> {
    let unreachable = |error: hyper::Error| Kind::Unreachable(Box::new(error));
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(unreachable)?;
    let (mut parts, body) = request.into_parts();
    parts.headers.insert(HOST, http::HeaderValue::from_static("localhost"));
    let request = Request::from_parts(parts, Full::new(Bytes::from(body)));
    let exchange = async {
        let response = sender.send_request(request).await.map_err(unreachable)?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_LIMIT).collect().await.map_err(Kind::Unreachable)?;
        Ok(Answer { status: parts.status, headers: parts.headers, body: body.to_bytes() })
    };
    tokio::pin!(connection, exchange);
    tokio::select! {
        answer = &mut exchange => answer,
        // The connection may end right behind the answer.
        _ = &mut connection => exchange.await,
    }
}

/// What the API server says to the wish to speak with a pod.
fn refused(error: kube::Error) -> Kind {
    let (status, message) = match &error {
        kube::Error::Api(status) => (status.code, rhumb_core::chain::cut(&status.message, 2048)),
        _ => return Kind::Unreachable(Box::new(error)),
    };
    match status {
        401 | 403 => Kind::Refused { message },
        404 => Kind::NotFound,
        status => Kind::Server { status, message },
    }
}

#[cfg(test)]
mod tests {
    use futures::{SinkExt as _, StreamExt as _};
    use serde_json::json;
    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::tungstenite::handshake::server as handshake;

    use super::*;
    use crate::cluster::Connection;
    use crate::cluster::fake::Api as Fake;

    /// An API server whose pod `rhumb` answers one request, and whose other pods may not be forwarded to.
    async fn server() -> Cluster {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(pod(stream));
            }
        });
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }],
            "clusters": [{ "name": "c", "cluster": { "server": format!("http://{address}") } }],
            "users": [{ "name": "u", "user": {} }],
        });
        Cluster::connect(Connection::KubeconfigText(kubeconfig.to_string())).await.unwrap()
    }

    #[allow(clippy::result_large_err, reason = "the signature of the library's callback")]
    fn judge(
        request: &handshake::Request,
        mut response: handshake::Response,
    ) -> Result<handshake::Response, handshake::ErrorResponse> {
        if !request.uri().path().ends_with("/namespaces/rhumb/pods/rhumb/portforward") {
            let status = json!({
                "kind": "Status", "status": "Failure", "code": 403, "reason": "Forbidden",
                "message": "user cannot create resource pods/portforward",
            });
            return Err(http::Response::builder().status(403).body(Some(status.to_string())).unwrap());
        }
        assert_eq!(request.uri().query().map(|query| query.trim_start_matches('&')), Some("ports=3030"));
        response.headers_mut().insert("sec-websocket-protocol", "v4.channel.k8s.io".parse().unwrap());
        Ok(response)
    }

    async fn pod(stream: tokio::net::TcpStream) {
        let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, judge).await else { return };
        for channel in [0, 1] {
            let port = 3030_u16.to_le_bytes();
            socket.send(Message::binary(vec![channel, port[0], port[1]])).await.unwrap();
        }
        let mut request = Vec::new();
        while let Some(Ok(message)) = socket.next().await {
            request.extend_from_slice(message.into_data().get(1..).unwrap_or_default());
            if request.ends_with(b"please") {
                break;
            }
        }
        assert!(request.starts_with(b"POST /v1/sync HTTP/1.1\r\n"));
        // In two parts, as a pod's answer may come.
        for part in [&b"\0HTTP/1.1 202 Accepted\r\nx-rhumb-version: 9\r\ncontent-"[..], b"\0length: 4\r\n\r\ndone"] {
            socket.send(Message::binary(part.to_vec())).await.unwrap();
        }
        while socket.next().await.is_some() {}
    }

    #[tokio::test]
    async fn asks_a_pod_and_reads_its_whole_answer() {
        let cluster = server().await;
        let request = Request::post("/v1/sync").body(b"please".to_vec()).unwrap();
        let limit = Duration::from_secs(60);
        let answer = cluster.ask_pod(("rhumb", "rhumb", 3030), request.clone(), limit).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (202, b"done".as_slice()));
        assert_eq!(answer.headers["x-rhumb-version"], "9");
        let error = cluster.ask_pod(("rhumb", "other", 3030), request, limit).await.unwrap_err();
        assert_eq!(
            rhumb_core::chain::chain(&error),
            "failed to reach `port 3030 of pod rhumb/other`: refused by the cluster: user cannot create resource pods/portforward"
        );
    }

    #[tokio::test]
    async fn finds_pods_that_run_the_ready_ones_first() {
        let api = Fake::new();
        for (name, phase, ready) in
            [("b", "Running", "False"), ("d", "Running", "True"), ("a", "Running", "False"), ("c", "Pending", "False")]
        {
            let labels = json!({ "app.kubernetes.io/name": "rhumb" });
            let status = json!({ "phase": phase, "conditions": [{ "type": "Ready", "status": ready }] });
            let pod = json!({ "metadata": { "name": name, "labels": labels }, "status": status });
            api.put(&format!("/api/v1/namespaces/rhumb/pods/{name}"), pod);
        }
        let pods = api.cluster().running_pods("rhumb", "app.kubernetes.io/name=rhumb").await.unwrap();
        assert_eq!(pods, ["d", "a", "b"]);
    }
}
