//! Templates that can see one another.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::node::{Definition, Node, Span};
use super::{Failure, Outcome, Parsed};
use crate::value::Text;

/// All templates that can see one another, by name. A later definition replaces an earlier one.
#[derive(Debug, Default)]
pub(crate) struct TemplateSet {
    templates: HashMap<Text, Template>,
    /// What is seen where this set has nothing: the templates around a text that `tpl` renders.
    outer: Option<Rc<TemplateSet>>,
}

/// One template of a set.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    /// The file it stands in, for errors.
    pub(crate) file: Text,
    pub(super) parsed: Arc<Parsed>,
    pub(super) body: Span<Node>,
}

impl TemplateSet {
    /// A set that sees another, and whose definitions the other does not see.
    pub(crate) fn within(outer: &Rc<TemplateSet>) -> Self {
        Self { templates: HashMap::new(), outer: Some(Rc::clone(outer)) }
    }

    /// Adds some of what a source defines, its body under the name of the file.
    ///
    /// A body of nothing but blanks and comments does not replace one that is there, as in Go.
    pub(crate) fn add(&mut self, file: &Text, parsed: &Arc<Parsed>, definitions: &[Definition]) {
        for Definition { name, body, blank } in definitions {
            let name = name.as_ref().unwrap_or(file);
            if *blank && self.get(name).is_some() {
                continue;
            }
            let template = Template { file: Text::clone(file), parsed: Arc::clone(parsed), body: *body };
            self.templates.insert(Text::clone(name), template);
        }
    }

    /// The template of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Template> {
        let mut set = self;
        loop {
            match (set.templates.get(name), &set.outer) {
                (Some(template), _) => return Some(template),
                (None, Some(outer)) => set = outer,
                (None, None) => return None,
            }
        }
    }

    /// The template of this name, or Helm's error.
    pub(crate) fn find(&self, name: &str) -> Outcome<Template> {
        let missing = || {
            Failure::new(format!("no template \"{name}\" associated with template"))
                .hint("is the chart that defines it missing in charts/? `helm dependency build` fetches it")
        };
        self.get(name).cloned().ok_or_else(missing)
    }
}
