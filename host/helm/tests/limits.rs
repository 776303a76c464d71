//! Each bound of the engine is named, with what it is, by the error that it causes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod charts;

use std::collections::BTreeSet;

use charts::{archive, file, one_template, render_within};
use rhumb_helm::{Chart, File, Limits, Usage};

const CHART: &str = "apiVersion: v2\nname: c\nversion: 0.1.0\n";

/// A bound that is set so low that these files and values pass it.
struct Case {
    name: &'static str,
    limits: Limits,
    files: Vec<File>,
    values: &'static str,
}

fn with(path: &str, text: &str) -> Vec<File> {
    let mut files = one_template("a: 1\n");
    files.push(file(path, text));
    files
}

/// A chart that names its sub-chart `s` twice.
fn aliases() -> Vec<File> {
    let names = "dependencies:\n- {name: s, version: 0.1.0}\n- {name: s, version: 0.1.0, alias: t}\n";
    vec![
        file("Chart.yaml", &format!("{CHART}{names}")),
        file("charts/s/Chart.yaml", "apiVersion: v2\nname: s\nversion: 0.1.0\n"),
    ]
}

fn cases() -> Vec<Case> {
    let all = Limits::default();
    let case = |name, limits, files| Case { name, limits, files, values: "" };
    let loops = "{{ define \"a\" }}{{ include \"a\" . }}{{ end }}{{ include \"a\" . }}";
    let template = |name, limits, source: &str| Case { name, limits, files: one_template(source), values: "" };
    let valued = |name, limits, values| Case { name, limits, files: one_template("a: 1\n"), values };
    let nested = "{{ if 1 }}".repeat(501) + &"{{ end }}".repeat(501);
    vec![
        case("chart_bytes", Limits { chart_bytes: 60, ..all }, one_template("a: 1\na: 1\na: 1\na: 1\na: 1\na: 1\n")),
        case("file_bytes", Limits { file_bytes: 60, ..all }, with("x", &"x".repeat(61))),
        case("entries", Limits { entries: 2, ..all }, with("x", "")),
        case("path_bytes", Limits { path_bytes: 20, ..all }, with(&"x".repeat(21), "")),
        case("ignore_patterns", Limits { ignore_patterns: 2, ..all }, with(".helmignore", "a\nb\n")),
        case("chart_depth", Limits { chart_depth: 0, ..all }, aliases()),
        case("charts", Limits { charts: 1, ..all }, aliases()),
        case("charts", Limits { charts: 2, ..all }, aliases()),
        case("values_bytes", Limits { values_bytes: 50, ..all }, with("values.yaml", &"# text\n".repeat(10))),
        valued(
            "values_bytes",
            Limits { values_bytes: 50, ..all },
            "a: x012345678901234567890123456789012345678901234567890",
        ),
        valued("values_depth", Limits { values_depth: 2, ..all }, "a: {b: {c: 1}}"),
        case("yaml_nodes", Limits { yaml_nodes: 8, ..all }, with("values.yaml", "a: &a [1]\nb: [*a, *a]\n")),
        template("yaml_nodes", Limits { yaml_nodes: 8, ..all }, "a: &a [1]\nb: [*a, *a]\n---\nc: 1\n"),
        template("template_nesting", all, &nested),
        template("template_nesting", all, &format!("{{{{ {}1{} }}}}", "(".repeat(501), ")".repeat(501))),
        template("template_nesting", all, &format!("{{{{ if 1 }}}}{}{{{{ end }}}}", "{{ else if 1 }}".repeat(501))),
        template(
            "template_nesting",
            Limits { template_nesting: 3, ..all },
            "{{ if 1 }}{{ if 1 }}{{ if 1 }}{{ end }}{{ end }}{{ end }}",
        ),
        template("template_steps", Limits { template_steps: 100, ..all }, "{{ range until 99 }}x{{ end }}"),
        template("template_steps", all, "{{ range until 9223372036854775807 }}x{{ end }}"),
        template("template_steps", all, "{{ seq 9223372036854775807 }}"),
        template(
            "evaluation_depth",
            Limits { evaluation_depth: 4, ..all },
            "{{ if 1 }}{{ if 1 }}{{ if 1 }}{{ 1 }}{{ end }}{{ end }}{{ end }}",
        ),
        template("include_depth", all, loops),
        template("range_items", all, "{{ range 9223372036854775807 }}x{{ end }}"),
        template("output_bytes", Limits { output_bytes: 100, ..all }, &"x".repeat(101)),
        template("output_bytes", all, "{{ repeat 99999999 \"x\" }}"),
        template("output_bytes", all, "{{ printf \"%s\" (printf (repeat 1000000 \"%9999[1]d\") 1) }}"),
        template("regex_bytes", all, "{{ regexMatch \"((a{100}){100}){100}\" \"a\" }}"),
        template("rsa_keys", Limits { rsa_keys: 0, ..all }, "{{ genPrivateKey \"rsa\" }}"),
        template("password_hashes", Limits { password_hashes: 0, ..all }, "{{ htpasswd \"a\" \"b\" }}"),
    ]
}

#[test]
fn each_bound_is_named_with_what_it_is() {
    let mut seen = BTreeSet::from(["archive_bytes"]);
    for Case { name, limits, files, values } in cases() {
        let error = match Chart::from_files(files, &limits) {
            Err(error) => error,
            Ok(chart) => charts::render_chart(&chart, values, &limits).err().unwrap_or_else(|| panic!("{name}")),
        };
        let text = error.to_string();
        assert!(text.contains(&format!("the limit `{name}` of ")), "{name}: {text}");
        seen.insert(name);
    }
    let tgz = archive(&[("c/Chart.yaml", CHART.as_bytes())]);
    let error = Chart::from_archive(&tgz, &Limits { archive_bytes: 9, ..Limits::default() }).unwrap_err();
    assert_eq!(error.to_string(), "the chart archive is over the limit `archive_bytes` of 9");
    let all: BTreeSet<&str> = Usage::default().rows().into_iter().map(|(name, ..)| name).collect();
    assert_eq!(seen, all);
}

#[test]
fn what_was_taken_is_told() {
    let source =
        "a: {{ include \"b\" 2 }}{{ define \"b\" }}{{ range . }}{{ htpasswd \"a\" \"b\" | len }}{{ end }}{{ end }}\n";
    let mut files = one_template(source);
    files.push(file("values.yaml", "a: [1, 2]\n"));
    let rendered = render_within(files, "a: {b: 1}", &Limits::default()).unwrap();
    let used = rendered.used;
    assert_eq!((used.include_depth, used.range_items, used.password_hashes), (1, 2, 2));
    assert_eq!((used.entries, used.charts, used.chart_depth, used.values_depth), (3, 1, 0, 2));
    assert_eq!((used.path_bytes, used.ignore_patterns), (16, 1));
    assert!(used.template_steps > 10 && used.evaluation_depth > 3 && used.output_bytes > 3, "{used:?}");
    assert_eq!(used.most(Usage { include_depth: 7, ..Usage::default() }).include_depth, 7);
}

#[test]
fn the_table_of_the_readme_has_each_bound_and_its_default() {
    let readme = include_str!("../README.md");
    for (name, _, default) in Usage::default().rows() {
        let row = readme.lines().find(|line| line.starts_with(&format!("| `{name}` | {default} |")));
        assert!(row.is_some(), "| `{name}` | {default} | …");
    }
}

/// Values that hold one another many times over are small to make and endless to walk through.
#[test]
fn what_doubles_is_stopped() {
    let lists = "{{ $l := list \"x\" }}{{ range until 60 }}{{ $l = list $l $l }}{{ end }}";
    let maps = "{{ $l := dict }}{{ range until 60 }}{{ $l = dict \"a\" $l \"b\" $l }}{{ end }}";
    let itself = "{{ $l := dict }}{{ $_ := set $l \"l\" $l }}";
    let limits = Limits { template_steps: 200_000, ..Limits::default() };
    for (make, used, limit) in [
        (lists, "{{ printf \"%v\" $l }}", "value_nodes"),
        (lists, "{{ printf \"%d\" $l }}", "value_nodes"),
        (lists, "{{ toYaml $l }}", "value_nodes"),
        (lists, "{{ toJson $l }}", "value_nodes"),
        (lists, "{{ deepCopy $l }}", "template_steps"),
        (maps, "{{ deepCopy $l }}", "template_steps"),
        (maps, "{{ toYaml $l }}", "value_nodes"),
        (maps, "{{ toToml $l | fail }}", "value_nodes"),
        (maps, "{{ toString $l | sha256sum }}", "output_bytes"),
        (itself, "{{ printf \"%d\" $l }}", "value_depth"),
        (itself, "{{ toYaml $l }}", "value_depth"),
        (itself, "{{ deepCopy $l }}", "value_depth"),
        ("{{ $l := until 9999 }}", "{{ printf \"%9999d\" $l }}", "output_bytes"),
    ] {
        let error = render_within(one_template(&format!("{make}{used}")), "", &limits).unwrap_err().to_string();
        assert!(error.contains(&format!("the limit `{limit}` of ")), "{used}: {error}");
    }
    let two = lists.replace("$l", "$m");
    let equal = format!("{lists}{two}a: {{{{ deepEqual $l $m }}}} {{{{ deepEqual $l (list $l) }}}}\n");
    assert!(render_within(one_template(&equal), "", &limits).unwrap().manifest.ends_with("a: true false\n"));
}
