//! Random changes to what strangers hand over: templates, values, YAML, archives, `.helmignore`, versions, arguments of
//! `--set`, schemas, records. Whatever they become, the outcome is an answer or an error, and it comes in time.
//!
//! A bounded number of rounds each; `RHUMB_FUZZ_SECONDS=3600` for as long as that. `RHUMB_SEED` repeats a run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]
#![allow(clippy::indexing_slicing, reason = "tests")]

mod charts;
#[path = "../../policy/src/mutation.rs"]
mod mutation;

use std::time::{Duration, Instant};

use charts::{archive, file, one_template, render_chart, render_values, render_within};
use mutation::{Mutation, fuzz};
use rhumb_helm::set::{Style, set};
use rhumb_helm::version::{Range, Version};
use rhumb_helm::{Chart, Integers, Limits};
use serde_json::Map;

/// Longest round, on a busy machine and without optimisations.
const LONGEST: Duration = Duration::from_secs(60);

const TEMPLATES: [&str; 6] = [
    include_str!("conformance/language.tsv"),
    include_str!("conformance/lists.tsv"),
    include_str!("conformance/text.tsv"),
    include_str!("conformance/yaml.tsv"),
    include_str!("conformance/dicts.tsv"),
    include_str!("conformance/format.tsv"),
];

const VALUES: &str = "a: &a {b: [1, 2.5, true, null, 'x y', \"é\\n\"], c: |\n    two\n    lines\n  }\n\
    d: *a\n<<: *a\ne: !!str 1\nf: 0x1F\ng: 1e3\n? {x: y}\n: z\nh: >-\n  folded\n  text\ni: 2020-01-01\n---\nsecond: 1\n";
const PLAIN: &str = "a:\n  b:\n    - 1\n    - name: x\n      value: \"y\"\n  # comment\n  c: |\n    two\n    lines\nd: []\ne: {}\nf: 'it''s'\n";

fn limits() -> Limits {
    Limits { template_steps: 50_000, output_bytes: 1 << 20, ..Limits::default() }
}

/// One of these, changed.
fn changed(mutation: &mut Mutation, seeds: &[&str]) -> String {
    let seed = seeds[mutation.below(seeds.len())];
    String::from_utf8_lossy(&mutation.of(seed.as_bytes())).into_owned()
}

/// Runs it, and fails when it takes too long or ran into a bug that a thread caught.
fn in_time(input: &str, work: impl FnOnce() -> Option<String>) -> bool {
    let start = Instant::now();
    let error = work();
    assert!(start.elapsed() < LONGEST, "{:?}: {input}", start.elapsed());
    if let Some(error) = &error {
        assert!(!error.is_empty() && !error.contains("bug of this program"), "{error}: {input}");
    }
    error.is_none()
}

/// How many were taken must not be none, or nothing was tried.
fn report(what: &str, taken: u64) {
    println!("{what}: {taken} taken");
    assert!(taken > 0);
}

#[test]
fn no_change_to_a_template_makes_the_engine_panic_or_hang() {
    let lines = || TEMPLATES.iter().flat_map(|text| text.lines());
    let templates: Vec<String> =
        lines().filter_map(|line| Some(line.split_once('\t')?.0.replace("\\n", "\n"))).collect();
    let templates: Vec<&str> = templates.iter().map(String::as_str).collect();
    let mut taken = 0;
    fuzz("changed templates", 2_000, |mutation, _| {
        // A part of another behind it, so that blocks meet others' ends.
        let mut source = changed(mutation, &templates);
        if mutation.below(4) == 0 {
            source.push_str(&changed(mutation, &templates));
        }
        let rendered = || render_within(one_template(&source), PLAIN, &limits()).err().map(|error| error.to_string());
        taken += u64::from(in_time(&source, rendered));
    });
    report("changed templates", taken);
}

#[test]
fn no_change_to_values_or_yaml_makes_a_reader_panic_or_hang() {
    let mut taken = 0;
    fuzz("changed values", 2_000, |mutation, _| {
        let text = changed(mutation, &[VALUES, PLAIN]);
        let work = || {
            // All documents, of which the chart reads the first.
            drop(rhumb_yaml::documents(&text, &rhumb_yaml::Limits::default()));
            let mut files = one_template(
                "a: {{ toYaml .Values | nindent 2 }}\nb: {{ .Values | toJson | fromJson | toToml | quote }}\n",
            );
            files.push(file("values.yaml", &text));
            let rendered = render_within(files, "", &limits());
            rendered.err().map(|error| error.to_string())
        };
        taken += u64::from(in_time(&text, work));
    });
    report("changed values", taken);
}

#[test]
fn no_change_to_an_archive_makes_the_loader_panic_or_hang() {
    let metadata = b"apiVersion: v2\nname: c\nversion: 0.1.0\ndependencies:\n- {name: s, version: '*', alias: t, condition: t.on}\n";
    let inner =
        archive(&[("s/Chart.yaml", b"apiVersion: v1\nname: s\nversion: 1.2.3\n"), ("s/values.yaml", b"on: true\n")]);
    let whole = archive(&[
        ("c/Chart.yaml", metadata),
        ("c/values.yaml", PLAIN.as_bytes()),
        ("c/values.schema.json", br##"{"type": "object", "properties": {"d": {"$ref": "#/definitions/d"}}, "definitions": {"d": {"type": "array", "items": {"pattern": "^a+$"}}}}"##),
        ("c/.helmignore", b"*.bak\n!keep\n/a/b/\n"),
        ("c/templates/a.yaml", b"a: {{ .Values | toJson }}\n"),
        ("c/charts/s-1.2.3.tgz", &inner),
        ("c/crds/a.yaml", b"kind: CustomResourceDefinition\n"),
    ]);
    let mut tar = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(whole.as_slice()), &mut tar).unwrap();
    let mut taken = 0;
    fuzz("changed archives", 1_000, |mutation, round| {
        // The compressed form is changed now and then; else what is in it, whose headers have a sum to be right.
        let bytes = if round % 8 == 0 { mutation.of(&whole) } else { packed(&summed(mutation.of(&tar))) };
        let work = || match Chart::from_archive(&bytes, &limits()) {
            Ok(chart) => render_chart(&chart, "t: {on: true}", &limits()).err().map(|error| error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        taken += u64::from(in_time("an archive", work));
    });
    report("changed archives", taken);
}

fn packed(tar: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, tar).unwrap();
    gzip.finish().unwrap()
}

/// The tar with the sum of each header made right, so that changes to names and sizes get through.
fn summed(mut tar: Vec<u8>) -> Vec<u8> {
    for header in tar.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    tar
}

#[test]
fn no_change_to_patterns_makes_them_panic_or_hang() {
    let seeds = ["*.bak\n!keep.txt\n/a/*/[a-c]?.y*ml\n# c\nci/\n\\*x\n[^a-z]*\n", "a*b*c*d*e*f*g*h\n?????\n[]a]\n"];
    let mut taken = 0;
    fuzz("changed patterns", 3_000, |mutation, _| {
        let text = changed(mutation, &seeds);
        let long = "a/b/".repeat(20) + &"a".repeat(200) + ".yaml";
        let work = || {
            let mut files = one_template("a: {{ .Files.Glob .Values.glob | toJson }}\n");
            files.extend([file(".helmignore", &text), file("a/b/c.yaml", "x"), file(&long, "y"), file("keep.txt", "")]);
            let shown = rhumb_helm::show_only("---\n# Source: c/templates/a.yaml\na: 1\n", std::slice::from_ref(&text));
            drop(shown);
            let chart = match Chart::from_files(files, &limits()) {
                Ok(chart) => chart,
                Err(error) => return Some(error.to_string()),
            };
            let values = Map::from_iter([("glob".to_owned(), text.as_str().into())]);
            render_values(&chart, &values, Integers::Float).err().map(|error| error.to_string())
        };
        taken += u64::from(in_time(&text, work));
    });
    report("changed patterns", taken);
}

#[test]
fn no_change_to_a_version_or_range_makes_its_reader_panic_or_hang() {
    let ranges = ["^1.2.x || >=2.0.0-0 <3, !=2.1 || ~4", "1.2 - 3.4.5-rc.1", "=v1.0.0+b, *", ">=1.22.0-0 < 1.30.0-0"];
    let versions = ["v1.34.4-eks.1+build.5", "1.2", "18446744073709551615.0.0-a.1.b"];
    let mut taken = 0;
    fuzz("changed versions", 30_000, |mutation, _| {
        let (range, version) = (changed(mutation, &ranges), changed(mutation, &versions));
        let work = || match (Range::parse(&range), Version::parse(&version)) {
            (Some(range), Some(version)) => {
                range.contains(&version);
                None
            }
            _ => Some("no range or no version".to_owned()),
        };
        taken += u64::from(in_time(&format!("{range} {version}"), work));
    });
    report("changed versions", taken);
}

#[test]
fn no_change_to_an_argument_makes_set_panic_or_hang() {
    let seeds = [
        "a.b[0].c=1,d={x,y\\,z},e=null,f[2][3]=true",
        "a[65536]=1,\\.b=c\\=d,g.h.i.j=,k=007",
        "a={\"b\": [1, {\"c\": 2.5e3}]},d=[],e=\"x\"",
    ];
    let mut taken = 0;
    fuzz("changed arguments", 20_000, |mutation, _| {
        let text = changed(mutation, &seeds);
        let style = [Style::Typed, Style::Text, Style::Json, Style::Literal][mutation.below(4)];
        let mut values = Map::new();
        values.insert("a".to_owned(), serde_json::json!([{ "b": 1 }, null]));
        taken += u64::from(in_time(&text, || set(&mut values, &text, style).err()));
    });
    report("changed arguments", taken);
}

#[test]
fn no_change_to_a_record_makes_its_reader_panic_or_hang() {
    let json = br#"{"name":"a","info":{"status":"deployed","first_deployed":"2026-11-23T14:35:00Z","last_deployed":"2026-11-23T14:35:00.5+01:00","deleted":"","description":"d","notes":"n"},"chart":{"metadata":{"name":"c","version":"1.0.0"},"values":{"a":[1]},"templates":[{"name":"t","data":"eA=="}]},"config":{"a":1},"manifest":"---\na: 1\n","hooks":[{"name":"h","kind":"Job","path":"p","manifest":"m","events":["test"],"weight":3,"delete_policies":["hook-succeeded"]}],"version":3,"namespace":"n"}"#;
    let mut taken = 0;
    fuzz("changed records", 5_000, |mutation, round| {
        use base64::Engine as _;
        let engine = base64::engine::general_purpose::STANDARD;
        let bytes = match round % 4 {
            0 => mutation.of(engine.encode(packed(json)).as_bytes()),
            1 => engine.encode(mutation.of(&packed(json))).into_bytes(),
            2 => engine.encode(packed(&mutation.of(json))).into_bytes(),
            _ => engine.encode(mutation.of(json)).into_bytes(),
        };
        let work = || rhumb_helm::record::decode(&bytes).err().map(|error| error.to_string());
        taken += u64::from(in_time("a record", work));
    });
    report("changed records", taken);
}
