//! A template file of a chart, and what it parses to.

use std::sync::{Arc, OnceLock};

use super::File;
use crate::template::{Outcome, Parsed, parse};
use crate::value::from_bytes;

/// A file below `templates/`. It is parsed when it is first rendered, and never again: all releases of a loaded chart,
/// and a sub-chart under all its aliases, share what came out.
#[derive(Debug)]
pub(crate) struct TemplateFile {
    pub(crate) file: File,
    parsed: OnceLock<Outcome<Arc<Parsed>>>,
}

impl From<File> for TemplateFile {
    fn from(file: File) -> Self {
        Self { file, parsed: OnceLock::new() }
    }
}

impl TemplateFile {
    /// What it defines. An error has a line and no file.
    pub(crate) fn parsed(&self) -> Outcome<&Arc<Parsed>> {
        let parsed = self.parsed.get_or_init(|| {
            #[cfg(test)]
            tests::count(&self.file.path);
            parse(&from_bytes(&self.file.data)).map(Arc::new)
        });
        parsed.as_ref().map_err(Clone::clone)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use serde_json::{Map, json};

    use crate::{Action, Capabilities, Chart, Entropy, File, Integers, Limits, ReleaseOptions, RenderInput, render};

    static COUNTS: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());

    /// Remembers that a file was parsed.
    pub(super) fn count(path: &str) {
        *COUNTS.lock().unwrap().entry(path.to_owned()).or_default() += 1;
    }

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), data: text.as_bytes().to_vec() }
    }

    fn chart() -> Chart {
        let twice = "dependencies:\n- {name: sub, alias: one, version: 1.0.0}\n- {name: sub, alias: two, version: 1.0.0, condition: second}\n";
        let files = vec![
            file("Chart.yaml", &format!("apiVersion: v2\nname: c\nversion: 1.0.0\n{twice}")),
            file("values.yaml", "second: true\n"),
            file("templates/counted-main.yaml", "name: {{ .Release.Name }}\nof: {{ include \"counted\" . }}\n"),
            file("templates/_counted-helpers.tpl", "{{ define \"counted\" }}{{ .Values.of }}{{ end }}"),
            file("charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 1.0.0\n"),
            file("charts/sub/templates/counted-sub.yaml", "name: {{ .Chart.Name }} {{ include \"counted\" . }}\n"),
        ];
        Chart::from_files(files, &Limits::default()).unwrap()
    }

    fn manifest(chart: &Chart, at: usize) -> String {
        let values = json!({ "of": at, "second": at.is_multiple_of(2) }).as_object().cloned().unwrap_or_else(Map::new);
        let release =
            ReleaseOptions { name: format!("r{at}"), namespace: "n".to_owned(), revision: 1, action: Action::Install };
        let rendered = render(&RenderInput {
            chart,
            values: &values,
            integers: Integers::Float,
            release: &release,
            capabilities: &Capabilities::default(),
            entropy: Entropy::default(),
            limits: &Limits::default(),
        });
        rendered.unwrap().manifest
    }

    #[test]
    fn a_thousand_releases_of_a_chart_parse_each_template_once() {
        let chart = Arc::new(chart());
        std::thread::scope(|scope| {
            for from in [0, 500] {
                let chart = Arc::clone(&chart);
                scope.spawn(move || {
                    for at in from..from + 500 {
                        let text = manifest(&chart.with_values(chart.values().as_object().unwrap().clone()), at);
                        assert!(text.contains(&format!("name: r{at}\nof: {at}\n")), "{text}");
                        assert!(text.contains("name: one"), "{text}");
                        assert_eq!(text.contains("name: two"), at.is_multiple_of(2), "{text}");
                    }
                });
            }
        });
        let counts = COUNTS.lock().unwrap().clone();
        let counted: Vec<(&str, usize)> =
            counts.iter().filter(|(path, _)| path.contains("counted")).map(|(path, n)| (path.as_str(), *n)).collect();
        let once = ["templates/_counted-helpers.tpl", "templates/counted-main.yaml", "templates/counted-sub.yaml"]
            .map(|path| (path, 1));
        assert_eq!(counted, once);
    }
}
