//! `helm template --show-only`.

use crate::glob;
use crate::manifest::split;

/// The documents of a text of [`crate::template_text`] whose template fits one of the patterns of Go's `filepath.Match`,
/// in the order of the patterns. The error is Helm's: a pattern that fits nothing.
pub fn show_only(text: &str, patterns: &[String]) -> Result<String, String> {
    let documents = split(text);
    let mut shown = String::new();
    for pattern in patterns {
        // A broken pattern fits nothing.
        let glob = glob::path(pattern);
        let fits = |path: &str| glob.as_ref().is_some_and(|glob| glob.is_match(path));
        let fitting = documents.iter().filter(|document| template(document).is_some_and(fits));
        let before = shown.len();
        fitting.for_each(|document| shown.push_str(&format!("---\n{document}\n")));
        if shown.len() == before {
            return Err(format!("could not find template {pattern} in chart"));
        }
    }
    Ok(shown)
}

/// The path behind the chart's name in the first `# Source:` line.
fn template(document: &str) -> Option<&str> {
    let (_, path) = document.split_once("# Source: ")?;
    let (chart, rest) = path.split_once('/')?;
    let line = rest.split('\n').next().unwrap_or_default();
    (!chart.is_empty() && !line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_shown_in_the_order_of_the_patterns() {
        let text =
            "---\n# Source: c/templates/a.yaml\na: 1\n---\n# Source: c/templates/b.yaml\nb: 1\n---\nno: source\n";
        let patterns = ["templates/b.yaml".to_owned(), "templates/*".to_owned()];
        let (a, b) = ("---\n# Source: c/templates/a.yaml\na: 1\n", "---\n# Source: c/templates/b.yaml\nb: 1\n");
        assert_eq!(show_only(text, &patterns).unwrap(), format!("{b}{a}{b}"));
        let missing = show_only(text, &["templates/c.yaml".to_owned()]);
        assert_eq!(missing.unwrap_err(), "could not find template templates/c.yaml in chart");
    }
}
