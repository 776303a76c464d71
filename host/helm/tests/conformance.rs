//! Templates and what Helm 3.19.0 prints for each, recorded in `conformance/*.tsv`: the template, a tab, and the answer as
//! JSON, where `null` is an error. `cargo xtask conformance` records them again with the real `helm`.
//!
//! Cases of `conformance/known.txt` are answered differently; the reason of each group stands above it.

#![allow(clippy::unwrap_used, reason = "a test")]

mod charts;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use charts::render;
use rhumb_helm::File;

/// Set when the answers are to be recorded.
const RECORD: &str = "RHUMB_RECORD";

/// What is answered differently.
const KNOWN: &str = include_str!("conformance/known.txt");

/// Everything but the case.
const FILES: [(&str, &str); 6] = [
    (
        "Chart.yaml",
        "apiVersion: v2\nname: c\nversion: 0.1.0\nappVersion: 1.10\nkeywords: [a, b]\nhome: http://h\nannotations:\n  x: y\n",
    ),
    (
        "values.yaml",
        "int: 42\nfloat: 1.5\nmillion: 1000000\nbig: 12345678901234567890\ntext: txt\nbool: true\nyes: on\noctal: 0755\n\
         hex: 0x1F\nexp: 1e3\ndate: 2020-01-01\nnothing: null\nlist: [x, 2, true]\nmap: {a: 1, b: two}\nmulti: |\n  one\n  two\n\
         nested:\n  a: [1, {b: c}]\n  d: {e: [], f: {}}\n",
    ),
    ("files/a.txt", "line1\nline2\n"),
    (
        "templates/_other.tpl",
        "{{ define \"other\" }}<{{ . | kindOf }}>{{ end }}\
      {{ define \"rec\" }}{{ . }}{{ if gt (int .) 0 }}{{ template \"rec\" (sub . 1) }}{{ end }}{{ end }}",
    ),
    ("templates/out.yaml", "out: {{ include \"c/templates/_case.tpl\" . | toJson }}\n"),
    ("templates/NOTES.txt", "never read"),
];

fn files(case: &str) -> Vec<File> {
    let mut files: Vec<File> = FILES.iter().map(|(path, text)| charts::file(path, text)).collect();
    files.push(File { path: "files/b.bin".to_owned(), data: b"\x00\xff\xfe\xe2\x82b\xf4\x8f\xbf\xbf".to_vec() });
    files.push(charts::file("templates/_case.tpl", case));
    files
}

fn ours(case: &str) -> Option<String> {
    let rendered = render(files(case), "").ok()?;
    Some(rendered.objects.first()?.value().get("out")?.as_str()?.to_owned())
}

fn tables() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let mut tables: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    tables.retain(|path| path.extension().is_some_and(|end| end == "tsv"));
    tables.sort();
    tables
}

#[test]
fn templates_print_what_helm_prints() {
    if let Some(helm) = std::env::var_os(RECORD) {
        return record(Path::new(&helm));
    }
    let known: BTreeSet<&str> = KNOWN.lines().filter(|line| !line.starts_with("# ")).collect();
    let (mut wrong, mut count) = (String::new(), 0);
    for table in tables() {
        let name = table.file_stem().unwrap().to_string_lossy().into_owned();
        for line in std::fs::read_to_string(&table).unwrap().lines() {
            count += 1;
            let (case, answer) = line.rsplit_once('\t').unwrap();
            let helm: Option<String> = serde_json::from_str(answer).unwrap();
            let ours = ours(case);
            if known.contains(case) {
                if ours == helm {
                    writeln!(wrong, "{name}: {case}\n  helm: is no longer different; take it out of known.txt")
                        .unwrap();
                }
            } else if ours != helm {
                writeln!(wrong, "{name}: {case}\n  helm: {helm:?}\n  ours: {ours:?}").unwrap();
            }
        }
    }
    let differ = wrong.matches("\n  helm: ").count();
    assert!(differ == 0, "{differ} of {count} differ:\n{wrong}");
}

/// Writes the tables anew with the answers of this `helm`.
fn record(helm: &Path) {
    let scratch = tempfile();
    for table in tables() {
        let text = std::fs::read_to_string(&table).unwrap();
        let cases: Vec<&str> = text.lines().map(|line| line.rsplit_once('\t').unwrap().0).collect();
        let next = AtomicUsize::new(0);
        let work = |folder: PathBuf| {
            let mut answers = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(case) = cases.get(at) else { return answers };
                answers.push((at, theirs(helm, &folder, case)));
            }
        };
        let mut answers: Vec<(usize, Option<String>)> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..2)
                .map(|n| {
                    scope.spawn({
                        let (work, folder) = (&work, scratch.join(n.to_string()));
                        move || work(folder)
                    })
                })
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        answers.sort();
        let lines = cases
            .iter()
            .zip(answers)
            .map(|(case, (_, answer))| format!("{case}\t{}\n", serde_json::to_string(&answer).unwrap()));
        std::fs::write(&table, lines.collect::<String>()).unwrap();
    }
    std::fs::remove_dir_all(scratch).unwrap();
}

fn tempfile() -> PathBuf {
    std::env::temp_dir().join(format!("rhumb-conformance-{}", std::process::id()))
}

fn theirs(helm: &Path, folder: &Path, case: &str) -> Option<String> {
    for file in files(case) {
        let path = folder.join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, file.data).unwrap();
    }
    let mut command = Command::new(helm);
    command.args(["template", "rel"]).arg(folder).args(["--namespace", "ns1", "--kube-version", "v1.34.0"]);
    let output = command.env("TZ", "UTC").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let out = text.split_once("\nout: ").filter(|_| output.status.success())?.1;
    Some(serde_json::from_str(out.trim()).unwrap())
}
