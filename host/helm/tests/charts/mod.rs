//! Charts in memory, for the tests.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::io::Write as _;

use rhumb_helm::{
    Action, Capabilities, Chart, Entropy, Error, File, Integers, Limits, ReleaseOptions, RenderInput, Rendered,
};
use serde_json::{Map, Value};

/// One file of a chart.
pub(crate) fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), data: text.as_bytes().to_vec() }
}

/// Renders files as release `rel` in `ns1` with values given as YAML.
pub(crate) fn render(files: Vec<File>, values: &str) -> Result<Rendered, Error> {
    render_within(files, values, &Limits::default())
}

/// The same under other limits.
pub(crate) fn render_within(files: Vec<File>, values: &str, limits: &Limits) -> Result<Rendered, Error> {
    render_chart(&Chart::from_files(files, limits)?, values, limits)
}

/// Renders a loaded chart.
pub(crate) fn render_chart(chart: &Chart, values: &str, limits: &Limits) -> Result<Rendered, Error> {
    let values = rhumb_yaml::from_str(values).expect("values of a test are YAML");
    render_all(chart, &values.as_object().cloned().unwrap_or_default(), Integers::Float, limits)
}

/// The same with values as they are.
pub(crate) fn render_values(chart: &Chart, values: &Map<String, Value>, integers: Integers) -> Result<Rendered, Error> {
    render_all(chart, values, integers, &Limits::default())
}

fn render_all(
    chart: &Chart,
    values: &Map<String, Value>,
    integers: Integers,
    limits: &Limits,
) -> Result<Rendered, Error> {
    let release =
        ReleaseOptions { name: "rel".to_owned(), namespace: "ns1".to_owned(), revision: 1, action: Action::Install };
    rhumb_helm::render(&RenderInput {
        chart,
        values,
        integers,
        release: &release,
        capabilities: &Capabilities::default(),
        entropy: Entropy { seed: 1.into(), now: 1_790_000_000 },
        limits,
    })
}

/// The smallest chart with one template.
pub(crate) fn one_template(source: &str) -> Vec<File> {
    vec![file("Chart.yaml", "apiVersion: v2\nname: c\nversion: 0.1.0\n"), file("templates/a.yaml", source)]
}

/// A `.tgz` of these paths, whatever they are.
pub(crate) fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, data) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        // `set_path` refuses what this test is about.
        let name = &mut header.as_old_mut().name;
        name.iter_mut().zip(path.bytes()).for_each(|(slot, byte)| *slot = byte);
        header.set_cksum();
        tar.append(&header, *data).unwrap();
    }
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&tar.into_inner().unwrap()).unwrap();
    gzip.finish().unwrap()
}
