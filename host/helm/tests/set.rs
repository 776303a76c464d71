//! Arguments of `--set` and its kin, and the values or the error that Helm 3.19.0 makes of each, recorded in
//! `set/cases.tsv`: the flag, the argument as JSON, and the answer as JSON. `cargo xtask conformance` records them again.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod charts;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rhumb_helm::set::{Style, floats, set, set_files};
use rhumb_helm::{Chart, Integers, Limits};
use serde_json::{Map, Value, json};

/// Set when the answers are to be recorded.
const RECORD: &str = "RHUMB_RECORD";

/// Prints values with their types.
const TEMPLATE: &str = "\
{{- define \"dump\" -}}
{{- if kindIs \"map\" . }}{ {{- range $k, $v := . }}{{ quote $k }}: {{ template \"dump\" $v }}, {{ end -}} }
{{- else if kindIs \"slice\" . }}[ {{- range . }}{{ template \"dump\" . }}, {{ end -}} ]
{{- else }}{{ kindOf . }} {{ toJson . }}{{ end -}}
{{- end -}}
out: {{ include \"dump\" .Values | toJson }}
";

/// What lies below.
const BELOW: &str = "text: x\nnum: 1\nflag: true\nnothing: null\nmap: {a: 1, inner: {b: 2}}\nlist: [1, {b: 2}, [3]]\n";

fn table() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/set/cases.tsv")
}

fn ours(flag: &str, argument: &str) -> Result<String, String> {
    let below = floats(rhumb_yaml::from_str(BELOW).unwrap());
    let mut values = below.as_object().unwrap().clone();
    let style = match flag {
        "--set" => Style::Typed,
        "--set-string" => Style::Text,
        "--set-json" => Style::Json,
        _ => Style::Literal,
    };
    set(&mut values, argument, style).map_err(|message| match style {
        Style::Json => format!("failed parsing --set-json data {argument}"),
        _ => format!("failed parsing {flag} data: {message}"),
    })?;
    let chart = Chart::from_files(charts::one_template(TEMPLATE), &Limits::default()).unwrap();
    let rendered = charts::render_values(&chart, &values, Integers::Int64).unwrap();
    Ok(rendered.objects[0].value()["out"].as_str().unwrap().to_owned())
}

fn answer(result: Result<String, String>) -> Value {
    match result {
        Ok(text) => json!({ "values": text }),
        Err(message) => json!({ "error": message }),
    }
}

#[test]
fn arguments_make_the_values_that_helm_makes() {
    if let Some(helm) = std::env::var_os(RECORD) {
        return record(Path::new(&helm));
    }
    let (mut wrong, mut count) = (String::new(), 0);
    for line in std::fs::read_to_string(table()).unwrap().lines() {
        let [flag, argument, helm] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let argument: String = serde_json::from_str(argument).unwrap();
        let helm: Value = serde_json::from_str(helm).unwrap();
        let ours = answer(ours(flag, &argument));
        count += 1;
        if ours != helm {
            writeln!(wrong, "{flag} {argument}\n  helm: {helm}\n  ours: {ours}").unwrap();
        }
    }
    assert!(count > 150);
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn files_are_read_where_a_value_names_them() {
    let mut values = Map::new();
    let mut asked = Vec::new();
    let mut read = |path: &str| {
        asked.push(path.to_owned());
        if path == "gone" { Err("open gone: no such file or directory".to_owned()) } else { Ok(b"1,\n\xff".to_vec()) }
    };
    set_files(&mut values, "a=x,b={y,z}", &mut read).unwrap();
    let error = set_files(&mut values, "c=gone", &mut read).unwrap_err();
    assert_eq!(error, "open gone: no such file or directory");
    assert_eq!(asked, ["x", "y", "z", "gone"]);
    let chart = Chart::from_files(charts::one_template("a: {{ .Values.a | b64enc }}"), &Limits::default()).unwrap();
    let rendered = charts::render_values(&chart, &values, Integers::Int64).unwrap();
    assert_eq!(rendered.objects[0].value(), json!({ "a": "MSwK/w==" }));
}

#[test]
fn keys_do_not_nest_without_end() {
    let mut values = Map::new();
    let lists = format!("a{}=1", "[0]".repeat(100_000));
    assert_eq!(set(&mut values, &lists, Style::Typed).unwrap_err(), "lists nest deeper than 100");
    let both = format!("a{}=1", "[0].b".repeat(100_000));
    assert!(set(&mut values, &both, Style::Typed).unwrap_err().contains("nest deeper"));
}

/// Writes the table anew with the answers of this `helm`.
fn record(helm: &Path) {
    let folder = std::env::temp_dir().join(format!("rhumb-set-{}", std::process::id()));
    for file in charts::one_template(TEMPLATE) {
        let path = folder.join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, file.data).unwrap();
    }
    let below = folder.join("below");
    std::fs::write(&below, BELOW).unwrap();
    let theirs = |flag: &str, argument: &str| {
        let mut command = Command::new(helm);
        command.args(["template", "rel"]).arg(&folder).arg("-f").arg(&below).args([flag, argument]);
        let output = command.output().unwrap();
        if !output.status.success() {
            let text = String::from_utf8(output.stderr).unwrap();
            return Err(text.trim_end().strip_prefix("Error: ").unwrap().to_owned());
        }
        let text = String::from_utf8(output.stdout).unwrap();
        Ok(serde_json::from_str::<String>(text.split_once("\nout: ").unwrap().1.trim()).unwrap())
    };
    let mut lines = String::new();
    for line in std::fs::read_to_string(table()).unwrap().lines() {
        let [flag, argument, _] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let parsed: String = serde_json::from_str(argument).unwrap();
        writeln!(lines, "{flag}\t{argument}\t{}", answer(theirs(flag, &parsed))).unwrap();
    }
    std::fs::write(table(), lines).unwrap();
    std::fs::remove_dir_all(folder).unwrap();
}
