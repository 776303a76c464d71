//! Why a chart could not be loaded or rendered, or a record not be read.

use crate::template::Failure;

/// One include, by `include`, `template` or `tpl`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Included {
    /// The template that is included.
    pub name: String,
    /// The file that includes it: chart and path, or the text of `tpl`.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
}

/// How many includes are told: those nearest to the failure, and the outermost one.
const TOLD: usize = 8;
/// Characters of a message that are told; a template may fail with megabytes.
const LONGEST: usize = 4_000;

/// A failure, with what it was about. Values of a release are never in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The chart's files do not make a chart.
    #[error("chart `{chart}`: {message}")]
    Chart {
        /// Its name, or the path of the sub-chart.
        chart: String,
        /// What is wrong.
        message: String,
    },
    /// A YAML file of the chart cannot be read.
    #[error("chart `{chart}`: failed to parse `{file}`")]
    Yaml {
        /// The chart's name.
        chart: String,
        /// Path in the chart.
        file: String,
        /// Where and why.
        #[source]
        source: rhumb_yaml::Error,
    },
    /// An archive cannot be read.
    #[error("failed to unpack the chart archive: {message}")]
    Archive {
        /// What is wrong.
        message: String,
    },
    /// A path leads out of the chart.
    #[error("chart illegally holds the path `{path}`, which is outside of it")]
    Path {
        /// The path as it stands in the chart.
        path: String,
    },
    /// One of [`crate::Limits`] is passed.
    #[error("{what} is over the limit `{limit}` of {most}")]
    Limit {
        /// What is too big.
        what: String,
        /// The field of [`crate::Limits`].
        limit: &'static str,
        /// The bound.
        most: u64,
    },
    /// A feature of Helm that is missing here.
    #[error("chart `{chart}` uses {feature}, which is not in yet")]
    NotInYet {
        /// The chart's name.
        chart: String,
        /// The feature.
        feature: String,
    },
    /// A template cannot be parsed or executed.
    #[error("{}", template_message(.file, *.line, .function.as_deref(), .message, .chain))]
    Template {
        /// Template file: chart and path.
        file: String,
        /// Counted from 1.
        line: usize,
        /// The function that failed or is not known.
        function: Option<String>,
        /// What went wrong.
        message: String,
        /// Templates included on the way, innermost first.
        chain: Vec<Included>,
        /// What the user may do about it.
        hint: Option<&'static str>,
    },
    /// A rendered document is no YAML.
    #[error("failed to parse what `{file}` renders to")]
    Rendered {
        /// Template file: chart and path.
        file: String,
        /// Where in the document, and why.
        #[source]
        source: rhumb_yaml::Error,
    },
    /// The chart does not fit the cluster.
    #[error("chart `{chart}` requires Kubernetes `{range}`, which `{version}` is not")]
    KubeVersion {
        /// The chart's name.
        chart: String,
        /// Its `kubeVersion`.
        range: String,
        /// The cluster's version.
        version: String,
    },
    /// Values that do not fit the schema of a chart.
    #[error("values do not fit the schema of the chart: {}", problems.join("; "))]
    Schema {
        /// Chart, place and problem of each.
        problems: Vec<String>,
    },
    /// Values that cannot be combined.
    #[error("values of chart `{chart}`: {message}")]
    Values {
        /// The chart's name.
        chart: String,
        /// What is wrong.
        message: String,
    },
    /// A release record cannot be read or written.
    #[error("release record: {message}")]
    Record {
        /// What is wrong.
        message: String,
    },
}

impl Error {
    /// A hint for the user, when there is one.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Error::Template { hint, .. } => *hint,
            _ => None,
        }
    }

    pub(crate) fn chart(chart: impl Into<String>, message: impl Into<String>) -> Self {
        Error::Chart { chart: chart.into(), message: message.into() }
    }

    pub(crate) fn limit(what: impl Into<String>, limit: &'static str, most: usize) -> Self {
        Error::Limit { what: what.into(), limit, most: most as u64 }
    }

    pub(crate) fn template(failure: Failure, file: &str) -> Self {
        Error::Template {
            file: failure.file.as_deref().unwrap_or(file).to_owned(),
            line: failure.line,
            function: failure.function,
            message: shorten(failure.message),
            chain: failure.chain,
            hint: failure.hint,
        }
    }
}

fn shorten(message: String) -> String {
    match message.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", message.get(..end).unwrap_or_default()),
        None => message,
    }
}

fn template_message(file: &str, line: usize, function: Option<&str>, message: &str, chain: &[Included]) -> String {
    let mut text = format!("failed to render `{file}` at line {line}");
    if let Some(function) = function {
        text.push_str(&format!(" in function `{function}`"));
    }
    text.push_str(": ");
    text.push_str(message);
    let told = |at: usize| at + 1 < TOLD || at + 1 == chain.len();
    for (at, Included { name, file, line }) in chain.iter().enumerate().filter(|(at, _)| told(*at)) {
        text.push_str(match at {
            0 => " (",
            _ if at >= TOLD => ", … ",
            _ => ", ",
        });
        text.push_str(&format!("`{name}` included at {file}:{line}"));
    }
    if !chain.is_empty() {
        text.push(')');
    }
    text
}
