//! Who we are to the API server.

use http::Method;
use serde_json::{Value, json};

use super::client::{Call, Cluster, JSON};
use super::error::Error;

/// A user as the API server authenticated him.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Such as `jo@example.com`.
    pub name: String,
    /// The groups that he is in, those of the system included.
    pub groups: Vec<String>,
}

impl Cluster {
    /// The user whose credentials this client has (`SelfSubjectReview`, since Kubernetes 1.28).
    pub async fn user(&self) -> Result<User, Error> {
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
        let call = Call::with_body(Method::POST, "/apis/authentication.k8s.io/v1/selfsubjectreviews", JSON, review);
        let answer = self.json(call).await.map_err(|kind| kind.at("ask who we are", "SelfSubjectReview"))?;
        let info = answer.pointer("/status/userInfo").cloned().unwrap_or_default();
        let groups = info.get("groups").and_then(Value::as_array).cloned().unwrap_or_default();
        Ok(User {
            name: info.get("username").and_then(Value::as_str).unwrap_or_default().to_owned(),
            groups: groups.iter().filter_map(|group| group.as_str().map(str::to_owned)).collect(),
        })
    }
}
