//! Charts that mean harm, and charts that are broken: one clear error each, and nothing else happens.

#![allow(clippy::unwrap_used, reason = "a test")]

mod charts;

use charts::{archive, file, one_template, render, render_within};
use rhumb_helm::{Chart, Error, File, Limits};

fn refused(source: &str) -> String {
    render(one_template(source), "").unwrap_err().to_string()
}

#[test]
fn an_unknown_function_is_named_with_file_and_line() {
    let text = refused("a: 1\n\nb: {{ nosuch 1 }}\n");
    assert_eq!(
        text,
        "failed to render `c/templates/a.yaml` at line 3 in function `nosuch`: function \"nosuch\" not defined"
    );
}

#[test]
fn a_format_of_many_open_brackets_is_read_once() {
    // Looking for the end of each would take 60 thousand million steps. Helm prints the same for each.
    let rendered = render(one_template("a: {{ len (printf (repeat 200000 \"%[d\") 1) }}\n"), "").unwrap();
    assert!(rendered.manifest.ends_with("a: 2600000\n"), "{}", rendered.manifest);
}

#[test]
fn a_format_prints_no_more_than_its_bound_whatever_the_widths() {
    let text = refused("a: {{ len (printf (repeat 1000000 \"%9999[1]d\") 1) }}\n");
    assert!(text.contains("in function `printf`") && text.contains("the limit `output_bytes` of "), "{text}");
}

#[test]
fn keys_and_hashes_are_counted() {
    let limits = Limits { rsa_keys: 0, password_hashes: 1, ..Limits::default() };
    let refused = |source: &str| render_within(one_template(source), "", &limits).unwrap_err().to_string();
    let text = refused("a: {{ (genCA \"a\" 1).Cert }}\n");
    assert!(text.contains("in function `genCA`") && text.contains("the limit `rsa_keys` of 0"), "{text}");
    let text = refused("a: {{ bcrypt \"a\" }}\nb: {{ htpasswd \"a\" \"b\" }}\n");
    assert!(text.contains("at line 2 in function `htpasswd`"), "{text}");
    assert!(text.contains("the limit `password_hashes` of 1"), "{text}");
}

#[test]
fn a_loop_of_includes_names_the_chain() {
    let loops = "{{ define \"a\" }}{{ include \"b\" . }}{{ end }}{{ define \"b\" }}{{ include \"a\" . }}{{ end }}x: {{ include \"a\" . }}\n";
    let text = refused(loops);
    assert!(
        text.contains("include one another deeper than the limit `include_depth` of 500 allows: b → a → b")
            || text.contains("a → b → a"),
        "{text}"
    );
    let text = refused("{{ define \"t\" }}{{ template \"t\" . }}{{ end }}x: {{ include \"t\" . }}\n");
    assert!(text.contains("t → t"), "{text}");
    let text = refused("x: {{ tpl .Values.x . }}\n");
    assert!(text.contains("expected string"), "{text}");
    let values = "x: '{{ tpl .Values.x . }}'\n";
    let text = render(one_template("x: {{ tpl .Values.x . }}\n"), values).unwrap_err().to_string();
    assert!(text.contains("include one another"), "{text}");
}

#[test]
fn work_and_output_are_bounded() {
    let limits = Limits { template_steps: 100_000, output_bytes: 100_000, ..Limits::default() };
    for (source, words) in [
        ("{{ range until 1000 }}{{ range until 1000 }}x{{ end }}{{ end }}", "100000"),
        ("{{ repeat 1000000 \"x\" }}", "`output_bytes` of 100000"),
        ("{{ repeat 90000 \"x\" }}{{ repeat 90000 \"x\" }}", "`output_bytes` of 100000"),
        ("{{ until 1000000000 | len }}", "`template_steps` of 100000"),
        ("{{ indent 2000000000 \"x\" }}", "`template_steps` of 100000"),
        ("{{ printf \"%1000000000d\" 1 | len }}{{ range until 99 }}{{ printf \"%9999d\" 1 }}{{ end }}", "bytes"),
        (
            "{{ regexMatch \"(a{1000}){1000}\" \"a\" }}{{ mustRegexMatch \"(a{1000}){1000}\" \"a\" }}",
            "`regex_bytes` of 1048576",
        ),
        ("{{ replace \"\" \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\" (repeat 50000 \"a\") }}", "bytes"),
        ("{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ toYaml $d }}", "`value_depth` of 500"),
        ("{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ deepCopy $d }}", "`value_depth` of 500"),
    ] {
        let text = render_within(one_template(source), "", &limits).unwrap_err().to_string();
        assert!(text.contains(words), "{source}: {text}");
    }
}

#[test]
fn deep_values_and_templates_overflow_no_stack() {
    let nested = "{{ $l := list }}{{ range until 100000 }}{{ $l = list $l }}{{ end }}ok: {{ kindOf $l }}\n";
    assert_eq!(render(one_template(nested), "").unwrap().objects[0].text, "ok: slice");
    let printed = "{{ $l := list }}{{ range until 10000 }}{{ $l = list $l }}{{ end }}x: {{ $l | toString | len }}\n";
    assert!(render(one_template(printed), "").is_ok());
    let parens = format!("{{{{ {}1{} }}}}", "(".repeat(5000), ")".repeat(5000));
    assert!(refused(&parens).contains("`template_nesting` of 500"));
    let blocks = format!("{}x{}", "{{ if true }}".repeat(5000), "{{ end }}".repeat(5000));
    assert!(refused(&blocks).contains("`template_nesting` of 500"));
    let recursive = "{{ define \"r\" }}{{ if . }}{{ if true }}{{ with . }}{{ (((include \"r\" (rest .)))) }}{{ end }}{{ end }}{{ end }}{{ end }}x: {{ include \"r\" (until 490) }}\n";
    render(one_template(recursive), "").unwrap();
    let limits = Limits { include_depth: usize::MAX, ..Limits::default() };
    for endless in [
        "{{ define \"r\" }}{{ include \"r\" . }}{{ end }}{{ include \"r\" . }}",
        "{{ define \"r\" }}{{ template \"r\" . }}{{ end }}{{ template \"r\" . }}",
        "{{ define \"r\" }}{{ range list 1 }}{{ with 1 }}{{ if 1 }}{{ print (and (or 0 (print (include \"r\" 1)))) }}{{ end }}{{ end }}{{ end }}{{ end }}{{ include \"r\" . }}",
        "{{ define \"r\" }}{{ tpl \"{{ include \\\"r\\\" . }}\" . }}{{ end }}{{ include \"r\" . }}",
    ] {
        let text = render_within(one_template(endless), "", &limits).unwrap_err().to_string();
        assert!(text.contains("`evaluation_depth` of 12000"), "{text}");
    }
}

#[test]
fn no_path_leaves_the_chart() {
    for path in ["../x", "a/../../x", "/etc/passwd", "templates/./a", "a\\..\\x", "c:/x", "a//b"] {
        let mut files = one_template("a: 1\n");
        files.push(file(path, "x"));
        let error = Chart::from_files(files, &Limits::default()).unwrap_err();
        assert!(matches!(error, Error::Path { .. }), "{path}: {error}");
    }
    let inside_subchart = vec![
        file("Chart.yaml", "apiVersion: v2\nname: c\nversion: 0.1.0\n"),
        file("charts/s/Chart.yaml", "apiVersion: v2\nname: s\nversion: 0.1.0\n"),
        file("charts/s/../../x", "x"),
    ];
    assert!(Chart::from_files(inside_subchart, &Limits::default()).is_err());
    // `.Files.Get` looks into the chart's files only.
    assert_eq!(
        render(one_template("a: {{ .Files.Get \"../../etc/passwd\" | quote }}\n"), "").unwrap().objects[0].text,
        "a: \"\""
    );
}

const CHART_YAML: &[u8] = b"apiVersion: v2\nname: c\nversion: 0.1.0\n";

#[test]
fn archives_are_read_without_their_top_folder() {
    let tgz = archive(&[("c/Chart.yaml", CHART_YAML), ("c/templates/a.yaml", b"a: 1\n")]);
    let chart = Chart::from_archive(&tgz, &Limits::default()).unwrap();
    let rendered = charts::render_chart(&chart, "", &Limits::default()).unwrap();
    assert_eq!(rendered.manifest, "---\n# Source: c/templates/a.yaml\na: 1\n");
}

#[test]
fn archives_that_escape_or_explode_are_refused() {
    let limits = Limits { chart_bytes: 1 << 20, entries: 5, file_bytes: 1 << 19, ..Limits::default() };
    let big = vec![b'x'; 600 << 10];
    let half = vec![b'x'; 400 << 10];
    let many: Vec<String> = (0..10).map(|at| format!("c/{at}")).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|path| (path.as_str(), b"".as_slice())).collect();
    for (tgz, words) in [
        (archive(&[("c/../../x", b"x")]), "outside"),
        (archive(&[("/c/x", b"x")]), "outside"),
        (archive(&[("Chart.yaml", CHART_YAML)]), "outside"),
        (archive(&[("c/x", &big)]), "file_bytes"),
        (archive(&[("c/x", &half), ("c/y", &half), ("c/z", &half)]), "chart_bytes"),
        (archive(&many), "entries"),
        (b"no archive".to_vec(), "gzip"),
        (vec![0x1f, 0x8b, 8, 0], "unpack"),
    ] {
        let text = Chart::from_archive(&tgz, &limits).unwrap_err().to_string();
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn broken_charts_are_named() {
    let with = |path: &str, text: &str| -> String {
        let mut files: Vec<File> = one_template("a: 1\n").into_iter().filter(|one| one.path != path).collect();
        files.push(file(path, text));
        match Chart::from_files(files.clone(), &Limits::default()) {
            Err(error) => error.to_string(),
            Ok(_) => render(files, "").unwrap_err().to_string(),
        }
    };
    for (path, text, words) in [
        ("Chart.yaml", "apiVersion: v2\nversion: 1.0.0\n", "no name"),
        ("Chart.yaml", "apiVersion: v2\nname: ../x\nversion: 1.0.0\n", "no file name"),
        ("Chart.yaml", "apiVersion: v2\nname: c\n", "no version"),
        ("Chart.yaml", "- a\n", "no map"),
        ("Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\nkubeVersion: '>=9.0.0'\n", "requires Kubernetes"),
        ("Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\ntype: library\n", "not installable"),
        (
            "Chart.yaml",
            "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies:\n- name: d\n  version: 1.0.0\n",
            "missing in charts/",
        ),
        ("values.yaml", "a: [\n", "values.yaml"),
        ("values.yaml", "- a\n", "no map"),
        ("templates/b.yaml", "a: {{ .Values.x.y }}\n", "nil pointer evaluating interface {}.y"),
        ("templates/b.yaml", "{{ if true }}\n", "unexpected EOF"),
        ("templates/b.yaml", "{{ end }}\n", "unexpected {{end}}"),
        ("templates/b.yaml", "{{ \"a\n\" }}\n", "unterminated quoted string"),
        (
            "templates/b.yaml",
            "{{ define \"x\" }} {{ end }}{{ define \"x\" }}1{{ end }}\n{{ define \"x\" }}2{{ end }}\n",
            "at line 2: multiple definition of template \"x\"",
        ),
        ("templates/b.yaml", "a: b: c\n", "failed to parse what `c/templates/b.yaml` renders to"),
        ("templates/b.yaml", "{{ required \"give me x\" .Values.x }}\n", "in function `required`: give me x"),
    ] {
        let message = with(path, text);
        assert!(message.contains(words), "{text}: {message}");
    }
}

#[test]
fn a_failure_tells_each_include_on_the_way() {
    let mut files = one_template("a: 1\n\nb: {{ include \"a\" . }}\n");
    let helpers = "{{ define \"a\" }}\n{{ template \"b\" . }}{{ end }}\n{{ define \"b\" }}{{ tpl .Values.t . }}{{ end }}\n{{ define \"c\" }}\n\n{{ required \"give me x\" .Values.x }}{{ end }}\n";
    files.push(file("templates/_helpers.tpl", helpers));
    let text = |values: &str| render(files.clone(), values).unwrap_err().to_string();
    assert_eq!(
        text("t: '{{ include \"c\" . }}'"),
        "failed to render `c/templates/_helpers.tpl` at line 6 in function `required`: give me x \
         (`c` included at tpl of `{{ include \"c\" . }}`:1, `tpl of `{{ include \"c\" . }}`` included at \
         c/templates/_helpers.tpl:3, `b` included at c/templates/_helpers.tpl:2, `a` included at c/templates/a.yaml:3)"
    );
    assert_eq!(
        text("t: '{{ nosuch }}'"),
        "failed to render `tpl of `{{ nosuch }}`` at line 1 in function `nosuch`: function \"nosuch\" not defined \
         (`tpl of `{{ nosuch }}`` included at c/templates/_helpers.tpl:3, `b` included at c/templates/_helpers.tpl:2, \
         `a` included at c/templates/a.yaml:3)"
    );
    let loops = "{{ define \"a\" }}{{ if gt . 0 }}{{ include \"a\" (sub . 1) }}{{ else }}{{ fail (repeat 9999 \"x\") }}{{ end }}{{ end }}{{ include \"a\" 100 }}";
    let text = refused(loops);
    assert_eq!(text.matches("included at").count(), 8);
    assert!(text.ends_with("x… (`a` included at c/templates/a.yaml:1, `a` included at c/templates/a.yaml:1, `a` included at c/templates/a.yaml:1, `a` included at c/templates/a.yaml:1, `a` included at c/templates/a.yaml:1, `a` included at c/templates/a.yaml:1, `a` included at c/templates/a.yaml:1, … `a` included at c/templates/a.yaml:1)"), "{text}");
    assert!(text.len() < 5_000);
}

#[test]
fn what_to_do_is_told() {
    for (source, hint) in [
        ("{{ nosuch }}", "no such function"),
        ("{{ include \"nosuch\" . }}", "helm dependency build"),
        ("{{ .Values.a.b }}", "not set"),
        ("{{ range until 99999999 }}{{ end }}", "look for a loop"),
    ] {
        let error = render(one_template(source), "").unwrap_err();
        assert!(error.hint().unwrap_or_default().contains(hint), "{source}: {error}");
    }
}
