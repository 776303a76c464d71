//! Trees of what is read.

use super::{Begun, Declined, Outcome, Scalar, Sink};
use crate::{Kind, Layout, Node};

/// Makes the tree of a document.
pub(super) struct Tree {
    /// Bytes before the body.
    offset: usize,
    open: Vec<Open>,
    root: Option<Node>,
}

struct Open {
    node: Node,
    key: Option<Node>,
}

impl Tree {
    pub(super) fn new(offset: usize) -> Self {
        Self { offset, open: Vec::new(), root: None }
    }

    pub(super) fn take(&mut self) -> Option<Node> {
        self.root.take()
    }

    fn leaf(&self, scalar: Scalar<'_>) -> Node {
        let Scalar { text, style, span, line } = scalar;
        let kind = Kind::Scalar { value: text.into_owned(), style };
        Node { span: span.start + self.offset..span.end + self.offset, line, anchor: None, tag: None, kind }
    }

    fn open(&mut self, begun: &Begun, kind: Kind) {
        let start = begun.start + self.offset;
        let node = Node { span: start..start, line: begun.line, anchor: None, tag: None, kind };
        self.open.push(Open { node, key: None });
    }

    fn add(&mut self, node: Node) -> Outcome {
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut parent.node.kind {
            Kind::Sequence { items, .. } => items.push(node),
            Kind::Mapping { entries, .. } => entries.push((parent.key.take().ok_or(Declined)?, node)),
            Kind::Scalar { .. } | Kind::Alias { .. } => {}
        }
        Ok(())
    }
}

impl Sink for Tree {
    fn reads_text(&self) -> bool {
        true
    }

    fn key(&mut self, key: Scalar<'_>) -> Outcome {
        let key = self.leaf(key);
        self.open.last_mut().ok_or(Declined)?.key = Some(key);
        Ok(())
    }

    fn scalar(&mut self, scalar: Scalar<'_>) -> Outcome {
        let leaf = self.leaf(scalar);
        self.add(leaf)
    }

    fn sequence(&mut self, begun: Begun) -> Outcome {
        self.open(&begun, Kind::Sequence { items: Vec::new(), layout: begun.layout });
        Ok(())
    }

    fn mapping(&mut self, begun: Begun) -> Outcome {
        self.open(&begun, Kind::Mapping { entries: Vec::new(), layout: begun.layout });
        Ok(())
    }

    fn close(&mut self, end: Option<usize>) -> Outcome {
        let mut node = self.open.pop().ok_or(Declined)?.node;
        let last = match &node.kind {
            Kind::Sequence { items, layout: Layout::Block } => items.last(),
            Kind::Mapping { entries, layout: Layout::Block } => entries.last().map(|(_, value)| value),
            _ => None,
        };
        let end = last.map(|last| last.span.end).or(end.map(|end| end + self.offset));
        node.span.end = end.unwrap_or(node.span.start).max(node.span.start);
        self.add(node)
    }
}
