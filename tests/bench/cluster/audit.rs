//! The API server's audit log: every request of one account.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

/// Requests by what they are, such as `patch deployments`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requests(BTreeMap<String, usize>);

impl Requests {
    /// Those that the log holds so far.
    pub(crate) fn read(log: &Path) -> Self {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        let mut requests = BTreeMap::new();
        for event in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            let verb = text("/verb");
            // A watch counts when it begins: its end may be far.
            let counted = if verb == "watch" { "ResponseStarted" } else { "ResponseComplete" };
            if text("/stage") != counted {
                continue;
            }
            let resource = match (text("/objectRef/resource"), text("/objectRef/subresource")) {
                ("", _) => "(discovery)".to_owned(),
                (resource, "") => resource.to_owned(),
                (resource, part) => format!("{resource}/{part}"),
            };
            *requests.entry(format!("{verb} {resource}")).or_default() += 1;
        }
        Self(requests)
    }

    /// What came since an earlier reading.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let less = |(what, n): (&String, &usize)| {
            let n = n - earlier.0.get(what).copied().unwrap_or_default();
            (n > 0).then(|| (what.clone(), n))
        };
        Self(self.0.iter().filter_map(less).collect())
    }

    /// How many.
    pub(crate) fn total(&self) -> usize {
        self.0.values().sum()
    }

    /// How many that change something. The renewal of the lease by which one daemon leads is told apart.
    pub(crate) fn writes(&self) -> usize {
        let reads = ["get ", "list ", "watch "];
        let writes = self.0.iter().filter(|(what, _)| !reads.iter().any(|read| what.starts_with(read)));
        writes.filter(|(what, _)| !what.ends_with(" leases")).map(|(_, n)| n).sum()
    }

    /// One line for each kind of request, most first, with how many of them a release comes to.
    pub(crate) fn lines(&self, n: usize) -> Vec<String> {
        let mut rows: Vec<(&String, &usize)> = self.0.iter().collect();
        rows.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        rows.iter().map(|(what, count)| format!("{count:>8}  {:>6.2}  {what}", **count as f64 / n as f64)).collect()
    }
}
