//! Two outputs, document by document.

use std::collections::{BTreeMap, BTreeSet};

/// How a case ended.
pub(crate) enum Outcome {
    /// Equal to the byte, or where `helm` agrees with itself.
    Same {
        documents: usize,
    },
    /// Both give an error.
    BothRefuse {
        ours: String,
        helm: String,
    },
    /// The first line that differs.
    Differs {
        document: String,
        helm: String,
        ours: String,
        equal: usize,
        of: usize,
    },
    WeRefuse {
        ours: String,
    },
    HelmRefuses {
        helm: String,
    },
    /// `helm` refused the second time.
    Unstable {
        message: String,
    },
}

impl Outcome {
    pub(crate) fn agrees(&self) -> bool {
        matches!(self, Outcome::Same { .. } | Outcome::BothRefuse { .. } | Outcome::Unstable { .. })
    }
}

/// Documents with the `# Source:` line that they begin with.
pub(crate) fn documents(text: &str) -> Vec<&str> {
    let mut starts: Vec<usize> = text.match_indices("---\n# Source: ").map(|(at, _)| at).collect();
    starts.retain(|at| *at == 0 || text.as_bytes()[at - 1] == b'\n');
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().zip(ends).map(|(start, end)| &text[*start..end]).collect()
}

/// Compares documents of the same source with one another, and their order, with what differs between two runs of
/// `helm` masked. Sub-charts' files below `crds/` have no order for `helm`.
pub(crate) fn texts(ours: &str, helm: &str, again: &str) -> Outcome {
    let (a, b, c) = (named(ours), named(helm), named(again));
    let all: BTreeSet<&Key> = a.keys().chain(b.keys()).collect();
    let mut equal = 0;
    let mut first = None;
    for key in all {
        let one = |documents: &BTreeMap<Key, &str>| documents.get(key).copied().unwrap_or_default().to_owned();
        match difference(&one(&a), &one(&b), &one(&c)) {
            None => equal += 1,
            Some((left, right)) => {
                first.get_or_insert((key.0.clone(), left, right));
            }
        }
    }
    if first.is_none() {
        let (left, right) = (order(helm), order(ours));
        let moved = left.iter().zip(&right).find(|(left, right)| left != right);
        first = moved.map(|(left, right)| ("the order".to_owned(), left.clone(), right.clone()));
    }
    match first {
        None => Outcome::Same { documents: equal },
        Some((document, helm, ours)) => Outcome::Differs { document, helm, ours, equal, of: b.len() },
    }
}

/// The source of a document, and its place among those of the same source.
type Key = (String, usize);

fn named(text: &str) -> BTreeMap<Key, &str> {
    let mut named = BTreeMap::new();
    for document in documents(text) {
        let at = (0..).find(|at| !named.contains_key(&(source(document), *at))).unwrap_or(0);
        named.insert((source(document), at), document);
    }
    named
}

fn source(document: &str) -> String {
    document.lines().nth(1).unwrap_or_default().trim_start_matches("# Source: ").to_owned()
}

fn order(text: &str) -> Vec<String> {
    documents(text).into_iter().map(source).filter(|source| !source.contains("/crds/")).collect()
}

/// The first lines that differ, Helm's first.
fn difference(ours: &str, helm: &str, again: &str) -> Option<(String, String)> {
    let (mut a, mut b, mut c) = (ours.split('\n'), helm.split('\n'), again.split('\n'));
    // Lines of a certificate may be one more or one less.
    let shifting = helm.split('\n').count() != again.split('\n').count();
    let mut number = 0;
    loop {
        number += 1;
        let (x, y, z) = (a.next(), b.next(), c.next());
        if x.is_none() && y.is_none() {
            return None;
        }
        if x == y {
            continue;
        }
        let random = y != z;
        if random && shifting {
            return None;
        }
        if !(random && x.is_some() && y.is_some()) {
            let show = |line: Option<&str>| format!("{number}: {}", line.unwrap_or("(nothing)"));
            return Some((show(y), show(x)));
        }
    }
}
