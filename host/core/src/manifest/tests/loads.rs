use super::file;
use crate::manifest::load;

/// Checks the identities and the problems that these files (`path`, text) give.
fn check(files: &[(&str, &str)], objects: &[&str], problems: &[&str]) {
    let files: Vec<_> = files.iter().map(|(path, text)| file(path, text)).collect();
    let found = load(&files);
    let ids: Vec<String> =
        found.objects.iter().map(|object| format!("{}:{} {}", object.file, object.line, object.id)).collect();
    assert_eq!(ids, objects);
    assert_eq!(found.problems.iter().map(ToString::to_string).collect::<Vec<_>>(), problems);
}

const A: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

#[test]
fn reads_documents_lists_and_nothing_else() {
    check(&[("a.yaml", "")], &[], &[]);
    check(&[("a.yaml", A), ("b.json", A), ("c.txt", A)], &["a.yaml:1 <cluster>:configmap/a"], &[]);
    let two = format!(
        "# comment\n---\n{A}---\n---\n...\n---\napiVersion: v1\nkind: Secret\nmetadata: {{name: b, namespace: x}}\n"
    );
    check(&[("a.yml", &two)], &["a.yml:3 <cluster>:configmap/a", "a.yml:10 x:secret/b"], &[]);
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: p}\n- kind: PodList\n  \
                items: [{apiVersion: v1, kind: Pod, metadata: {name: q}}, {}]\n";
    check(&[("l.yaml", list)], &["l.yaml:4 <cluster>:pod/p", "l.yaml:8 <cluster>:pod/q"], &[]);
    // What names images is namespaced, whatever the cluster: it is in `default`, in each report and question.
    let release = "apiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata: {name: r}\n";
    check(&[("r.yaml", release)], &["r.yaml:1 default:helmrelease/r"], &[]);
    check(&[("k.yaml", "resources: [a.yaml]\n"), ("v.yaml", "kind: ''\n")], &[], &[]);
}

#[test]
fn one_broken_file_leaves_the_others() {
    let tab = "a:\n\tb: 1\n";
    let found =
        load(&[file("a.yaml", A), file("t.yaml", tab), super::File { path: "x.yaml".into(), data: vec![0xff] }]);
    assert_eq!(found.objects.len(), 1);
    assert_eq!(found.problems.len(), 2);
    assert_eq!((found.problems[0].file.as_str(), found.problems[0].line), ("t.yaml", 2));
    assert_eq!(found.problems[1].to_string(), "x.yaml: is not UTF-8 text");
    check(
        &[
            ("a.yaml", "- 1\n"),
            ("b.yaml", "apiVersion: v1\nkind: Pod\n"),
            ("c.yaml", "kind: Pod\nmetadata: {name: c}\n"),
            ("d.yaml", "kind: Pod\nmetadata: {name: on}\n"),
        ],
        &[],
        &[
            "a.yaml:1: is not a Kubernetes object: expected a mapping with apiVersion, kind and metadata",
            "b.yaml:1: Pod has no metadata.name",
            "c.yaml:1: Pod `c` has no apiVersion",
            "d.yaml:1: Pod has a metadata.name that is no string; put it in quotes",
        ],
    );
    // In one file, the documents that can be read are taken.
    let duplicate_key = format!("{A}---\nkind: Pod\nkind: Pod\n");
    let found = load(&[file("a.yaml", &duplicate_key)]);
    assert_eq!((found.objects.len(), found.problems.len()), (1, 1));
}

#[test]
fn of_two_with_one_identity_none_is_taken() {
    let both =
        "`default:configmap/a` is defined more than once (a.yaml:1, b.yaml:1); none of them is applied: keep one";
    // A missing namespace is `default`, so that the collision after defaulting is seen too (row 19).
    let explicit = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: default}\n";
    check(&[("a.yaml", A), ("b.yaml", explicit)], &[], &[&format!("a.yaml:1: {both}"), &format!("b.yaml:1: {both}")]);
    let version = "apiVersion: x/v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    check(
        &[("a.yaml", A), ("b.yaml", version)],
        &["a.yaml:1 <cluster>:configmap/a", "b.yaml:1 <cluster>:configmap/a"],
        &[],
    );
    let newer = version.replace("x/v1", "x/v2");
    assert_eq!(load(&[file("a.yaml", version), file("b.yaml", &newer)]).problems.len(), 2);
}

#[test]
fn charts_are_no_manifests() {
    let files = [
        ("charts/x/Chart.yaml", "name: x\n"),
        ("charts/x/values.yaml", "a: 1\n"),
        ("charts/x/templates/deep/a.yaml", "{{ broken"),
        ("charts/xy/a.yaml", A),
        ("half/Chart.yaml", "name: x\n"),
        ("myChart.yaml", "name: x\n"),
        ("myvalues.yaml", "name: x\n"),
    ];
    check(&files, &["charts/xy/a.yaml:1 <cluster>:configmap/a"], &[]);
    check(&[("Chart.yaml", "name: x\n"), ("values.yaml", "{}"), ("a.yaml", A)], &[], &[]);
}

#[test]
fn items_behind_an_alias_are_a_problem_and_do_not_vanish() {
    let list = "apiVersion: v1\nkind: List\nx: &x [{apiVersion: v1, kind: Pod, metadata: {name: p}}]\nitems: *x\n";
    check(
        &[("l.yaml", list)],
        &[],
        &["l.yaml:1: the items are written through a YAML alias or merge key; write them out"],
    );
}
