//! Which sub-charts are in use, under which names, and which of their values the parent takes over.

use std::rc::Rc;

use serde_json::{Map, Value};

use super::{Dependency, Live};
use crate::error::Error;
use crate::functions::is_compatible_range;
use crate::limits::Limits;
use crate::render::Integers;
use crate::value::{Entries, Shared, Value as Dynamic, copy_map, size};
use crate::values::{Nulls, at_path, coalesce, coalesce_tables, table};

impl Live {
    /// Helm's `ProcessDependencies` for these values of the release. Gives how many charts it came by.
    pub(crate) fn process_dependencies(
        &mut self,
        values: &Map<String, Value>,
        limits: &Limits,
    ) -> Result<usize, Error> {
        let mut charts = Charts { seen: self.charts(), most: limits.charts };
        self.enable(&table(values, Integers::Float), "", &mut charts)?;
        self.import_values()?;
        Ok(charts.seen)
    }

    /// The chart and all below it.
    fn charts(&self) -> usize {
        1 + self.children.iter().map(Live::charts).sum::<usize>()
    }

    fn enable(&mut self, values: &Rc<Shared>, path: &str, charts: &mut Charts) -> Result<(), Error> {
        if self.metadata.dependencies.is_empty() {
            return Ok(());
        }
        self.name_children(charts)?;
        let coalesced = coalesce(self, &copy_map(values), Nulls::Remove)?;
        self.check_size(&coalesced)?;
        for dependency in &mut self.metadata.dependencies {
            dependency.enabled = true;
            by_tags(dependency, &coalesced);
            by_condition(dependency, &coalesced, path);
        }
        let disabled: Vec<String> =
            self.metadata.dependencies.iter().filter(|one| !one.enabled).map(|one| one.name.clone()).collect();
        self.children.retain(|child| !disabled.contains(&child.metadata.name));
        self.metadata.dependencies.retain(|one| !disabled.contains(&one.name));
        for child in &mut self.children {
            let below = format!("{path}{}.", child.metadata.name);
            child.enable(&coalesced, &below, charts)?;
        }
        Ok(())
    }

    /// Replaces the children that `Chart.yaml` names by one for each time that it names them, under its alias. A child
    /// that fits no range stays as it is, and a name without a child is left to its own devices.
    fn name_children(&mut self, charts: &mut Charts) -> Result<(), Error> {
        let fits = |child: &Live, one: &Dependency| {
            let range = one.version.as_deref().unwrap_or_default();
            child.metadata.name == one.name && is_compatible_range(range, &child.metadata.version)
        };
        let declared = &mut self.metadata.dependencies;
        let (named, mut children): (Vec<Live>, Vec<Live>) = std::mem::take(&mut self.children)
            .into_iter()
            .partition(|child| declared.iter().any(|one| fits(child, one)));
        for one in declared {
            let source = named.iter().chain(&children).find(|child| fits(child, one));
            if let Some(child) = source {
                charts.add(child)?;
                let mut child = child.clone();
                if let Some(alias) = one.alias.as_ref().filter(|alias| !alias.is_empty()) {
                    child.metadata.name.clone_from(alias);
                }
                children.push(child);
            }
            if let Some(alias) = one.alias.clone().filter(|alias| !alias.is_empty()) {
                one.name = alias;
            }
        }
        self.children = children;
        Ok(())
    }

    fn import_values(&mut self) -> Result<(), Error> {
        self.children.iter_mut().try_for_each(Live::import_values)?;
        if self.metadata.dependencies.is_empty() {
            return Ok(());
        }
        let values = coalesce(self, &Rc::default(), Nulls::Keep)?;
        let imported: Rc<Shared> = Rc::default();
        for one in &mut self.metadata.dependencies {
            let mut kept = Vec::new();
            for import in &one.import_values {
                let (child, parent) = match import {
                    Value::String(name) => (format!("exports.{name}"), ".".to_owned()),
                    Value::Object(pair) => {
                        let text = |key: &str| pair.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                        (text("child"), text("parent"))
                    }
                    _ => continue,
                };
                if let Some(Dynamic::Map(table)) = at_path(&values, &format!("{}.{child}", one.name)) {
                    coalesce_tables(&imported, &at(&parent, &table), Nulls::Keep);
                }
                kept.push(serde_json::json!({ "child": child, "parent": parent }));
            }
            one.import_values = kept;
        }
        coalesce_tables(&values, &imported, Nulls::Keep);
        // What was imported stands in two places, or even in itself.
        self.check_size(&values)?;
        self.values = if imported.0.borrow().is_empty() { values } else { copy_map(&values) };
        Ok(())
    }

    fn check_size(&self, values: &Rc<Shared>) -> Result<(), Error> {
        let checked = size(&Dynamic::Map(Rc::clone(values)));
        checked.map(|_| ()).map_err(|message| Error::Values { chart: self.metadata.name.clone(), message })
    }
}

/// How many charts there are. Each alias is one more with all that is below it, at each of several levels.
struct Charts {
    seen: usize,
    most: usize,
}

impl Charts {
    fn add(&mut self, chart: &Live) -> Result<(), Error> {
        self.seen = self.seen.saturating_add(chart.charts());
        if self.seen <= self.most { Ok(()) } else { Err(Error::limit("the number of sub-charts", "charts", self.most)) }
    }
}

/// A table at a dotted path; `.` is the table itself.
fn at(path: &str, table: &Rc<Shared>) -> Rc<Shared> {
    if path == "." {
        return Rc::clone(table);
    }
    path.split('.')
        .rev()
        .fold(Rc::clone(table), |inner, part| Rc::new(Entries::from([(part.into(), Dynamic::Map(inner))]).into()))
}

fn by_tags(dependency: &mut Dependency, values: &Rc<Shared>) {
    let Some(Dynamic::Map(tags)) = at_path(values, "tags") else { return };
    let set = |wanted: bool| {
        let tags = tags.0.borrow();
        dependency.tags.iter().any(|tag| matches!(tags.get(tag.as_str()), Some(Dynamic::Bool(set)) if *set == wanted))
    };
    dependency.enabled = set(true) || !set(false);
}

/// The first path that holds a boolean decides, over the tags.
fn by_condition(dependency: &mut Dependency, values: &Rc<Shared>, path: &str) {
    let condition = dependency.condition.clone().unwrap_or_default();
    let paths = condition.trim().split(',').filter(|part| !part.is_empty());
    let decided = paths.map(|part| at_path(values, &format!("{path}{part}"))).find_map(|found| match found {
        Some(Dynamic::Bool(enabled)) => Some(enabled),
        _ => None,
    });
    if let Some(enabled) = decided {
        dependency.enabled = enabled;
    }
}
