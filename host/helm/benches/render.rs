//! What a release costs before it reaches the cluster: loading its chart and rendering it, by chart and by size.
//!
//! `cargo bench-rhumb helm CHARTS…` measures the folders of charts given and those of this tree; the loaded files are in
//! memory, as they are in the daemon.

#![allow(missing_docs, clippy::print_stdout, reason = "a program for measuring")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use rhumb_helm::{Action, Capabilities, Chart, Entropy, File, Integers, Limits, ReleaseOptions, RenderInput, Rendered};
use serde_json::Map;

/// Folders of charts, separated like those of `PATH`.
const CHARTS: &str = "RHUMB_BENCH_CHARTS";
/// The real `helm`; beside it lies `helm-reference`, which is Helm's packages in process.
const HELM: &str = "RHUMB_BENCH_HELM";
/// Set for the processes that load and render this one chart once, for their peak of memory.
const ONCE: &str = "RHUMB_BENCH_ONCE";

fn main() {
    if let Some(chart) = std::env::var_os(ONCE) {
        drop(black_box(render(&load(&read(Path::new(&chart))))));
        println!("{}", peak());
        return;
    }
    let charts = charts();
    compare(&charts);
    let mut criterion = Criterion::default().configure_from_args().measurement_time(Duration::from_secs(4));
    for path in &charts {
        let files = read(path);
        criterion.bench_function(&format!("load and render {}", name(path)), |b| {
            b.iter(|| render(&load(black_box(&files))));
        });
        let chart = load(&files);
        criterion.bench_function(&format!("render {}, loaded", name(path)), |b| b.iter(|| render(black_box(&chart))));
    }
    let mut sizes = criterion.benchmark_group("load and render, by size of the output");
    for objects in [10, 100, 1_000, 10_000] {
        let files = sized(objects);
        sizes.throughput(Throughput::Bytes(printed(&render(&load(&files))) as u64));
        sizes.bench_with_input(BenchmarkId::from_parameter(objects), &files, |b, files| {
            b.iter(|| render(&load(black_box(files))));
        });
    }
    sizes.finish();
    criterion.final_summary();
}

/// Prints what reading, loading and rendering each chart once more costs, here, in Helm's packages in process, and in a
/// process of `helm`; and the most memory of a process that does it.
fn compare(charts: &[PathBuf]) {
    println!(
        "{:<24} {:>9} {:>9} {:>10} {:>10} {:>10} {:>10} {:>10}",
        "CHART", "FILES", "PRINTED", "RHUMB", "IN GO", "HELM", "MEMORY", "IN GO"
    );
    let helm = std::env::var_os(HELM).map(PathBuf::from);
    let millis = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1e3);
    let mebibytes = |kib: u64| format!("{:.1} MiB", kib as f64 / 1024.0);
    let unknown = || "-".to_owned();
    for path in charts {
        let files = read(path);
        let bytes: usize = files.iter().map(|file| file.data.len()).sum();
        let printed = printed(&render(&load(&files)));
        let ours = median(20, || drop(black_box(render(&load(&read(path))))));
        let go = helm.as_ref().and_then(|helm| in_process(&helm.with_file_name("helm-reference"), path));
        let process = helm.as_ref().map(|helm| median(5, || template(helm, path)));
        println!(
            "{:<24} {:>5} KiB {:>5} KiB {:>10} {:>10} {:>10} {:>10} {:>10}",
            name(path),
            bytes >> 10,
            printed >> 10,
            millis(ours),
            go.map_or_else(unknown, |(time, _)| millis(time)),
            process.map_or_else(unknown, millis),
            memory(path).map_or_else(unknown, mebibytes),
            go.map_or_else(unknown, |(_, kib)| mebibytes(kib)),
        );
    }
}

fn median(times: usize, mut run: impl FnMut()) -> Duration {
    let mut measured: Vec<Duration> = (0..=times)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .skip(1)
        .collect();
    measured.sort_unstable();
    measured.get(times / 2).copied().unwrap_or_default()
}

/// Time and KiB of Helm's packages in process.
fn in_process(reference: &Path, chart: &Path) -> Option<(Duration, u64)> {
    let output = Command::new(reference).arg("bench").arg(chart).output().ok()?;
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    let number = |key: &str| report.get(key)?.as_u64();
    Some((Duration::from_nanos(number("loadNanos")? + number("renderNanos")?), number("peakKibibytes")?))
}

fn template(helm: &Path, chart: &Path) {
    let arguments = ["--include-crds", "--kube-version", &Capabilities::default().kube_version];
    let output = Command::new(helm).arg("template").arg(chart).args(arguments).output();
    assert!(output.expect("helm can be started").status.success(), "helm refuses {}", chart.display());
}

/// The charts of the tree, and those of the folders that were given.
fn charts() -> Vec<PathBuf> {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut charts: Vec<PathBuf> =
        ["tests/charts/podinfo", "../../examples/charts/sealed-secrets"].map(|path| tree.join(path)).into();
    for given in std::env::var_os(CHARTS).iter().flat_map(std::env::split_paths) {
        if given.join("Chart.yaml").is_file() {
            charts.push(given);
            continue;
        }
        let entries = std::fs::read_dir(&given).expect("the folder of charts can be read");
        let mut below: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        below.retain(|path| path.join("Chart.yaml").is_file());
        below.sort();
        charts.extend(below);
    }
    charts
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The files of a chart's folder.
fn read(root: &Path) -> Vec<File> {
    let mut files = Vec::new();
    let mut pending = vec![root.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(&folder).expect("the chart can be read").flatten() {
            let path = entry.path();
            if path.is_dir() {
                pending.push(path);
            } else if let (Ok(below), Ok(data)) = (path.strip_prefix(root), std::fs::read(&path)) {
                files.push(File { path: below.to_string_lossy().into_owned(), data });
            }
        }
    }
    files
}

fn load(files: &[File]) -> Chart {
    Chart::from_files(files.to_vec(), &Limits::default()).expect("the chart can be loaded")
}

fn render(chart: &Chart) -> Rendered {
    let release = ReleaseOptions {
        name: "release-name".to_owned(),
        namespace: "default".to_owned(),
        revision: 1,
        action: Action::Install,
    };
    let rendered = rhumb_helm::render(&RenderInput {
        chart,
        values: &Map::new(),
        integers: Integers::Float,
        release: &release,
        capabilities: &Capabilities::default(),
        entropy: Entropy { seed: 1.into(), now: 1_790_000_000 },
        limits: &Limits::default(),
    });
    rendered.expect("the chart can be rendered")
}

/// Bytes of what a rendering prints.
fn printed(rendered: &Rendered) -> usize {
    let hooks: usize = rendered.hooks.iter().map(|hook| hook.manifest.len()).sum();
    let crds: usize = rendered.crds.iter().map(|file| file.text().len()).sum();
    rendered.manifest.len() + crds + hooks
}

/// The most memory, in KiB, of a process that reads, loads and renders a chart.
fn memory(chart: &Path) -> Option<u64> {
    let this = std::env::current_exe().ok()?;
    let output = Command::new(this).env(ONCE, chart).output().ok()?;
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}

/// The most memory that this process had so far, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or_default()
}

/// A chart that prints so many objects, with what charts usually have in each.
fn sized(objects: usize) -> Vec<File> {
    let file = |path: &str, text: &str| File { path: path.to_owned(), data: text.as_bytes().to_vec() };
    let mut values = format!("labels:\n  team: a\n  tier: b\nobjects: {objects}\nenv:\n");
    for variable in 0..8 {
        let _ = writeln!(values, "- name: VARIABLE_{variable}\n  value: \"number {variable}\"");
    }
    let helpers = "{{ define \"labels\" -}}\napp: {{ .Chart.Name }}\nrelease: {{ .Release.Name | quote }}\n\
                   {{- with .Values.labels }}\n{{ toYaml . }}\n{{- end }}\n{{- end }}";
    let object = "{{ range $at := until (int .Values.objects) }}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  \
                  name: {{ printf \"%s-%d\" $.Release.Name $at | trunc 63 }}\n  labels:\n    \
                  {{- include \"labels\" $ | nindent 4 }}\ndata:\n  {{- range $.Values.env }}\n  \
                  {{ .name | lower }}: {{ .value | quote }}\n  {{- end }}\n{{ end }}";
    vec![
        file("Chart.yaml", "apiVersion: v2\nname: sized\nversion: 1.0.0\n"),
        file("values.yaml", &values),
        file("templates/_helpers.tpl", helpers),
        file("templates/objects.yaml", object),
    ]
}
