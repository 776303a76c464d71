use super::{file, helm_release};
use crate::id::Tag;
use crate::manifest::{Edit, apply, load, slots};

/// Gives the containers of a text these tags, and checks the text or the words of the error.
fn check(before: &str, moves: &[(&str, &str)], expected: Result<&str, &str>) {
    let before = file("app.yaml", before);
    let objects = load(std::slice::from_ref(&before)).objects;
    let found: Vec<_> = objects.iter().flat_map(slots).collect();
    let edit = |(container, tag): &(&str, &str)| {
        let slot = found.iter().find(|slot| slot.container.as_str() == *container).expect("there is such a container");
        slot.place.as_ref().expect("it can be written");
        Edit::retag(slot, &Tag::new(*tag)).unwrap()
    };
    let edits: Vec<Edit> = moves.iter().map(edit).collect();
    let after = apply(&before, &edits).map(|file| String::from_utf8(file.data).unwrap()).map_err(|e| e.to_string());
    assert_eq!(after.as_deref().map_err(String::as_str), expected);
}

/// The same for one HelmRelease whose values are these lines.
fn check_values(before: &str, tag: &str, after: Result<&str, &str>) {
    let release = |values: &str| helm_release(&format!("\n{values}"), "{}");
    let (before, expected) = (release(before), after.map(release));
    check(&before, &[("chart-image", tag)], expected.as_deref().map_err(|e| *e));
}

const SPILL: Result<&str, &str> =
    Err("edit of `app.yaml` would change more than `/spec/values/image` of `dev:helmrelease/app`; nothing was written");

#[test]
fn keeps_comments_quotes_and_blanks() {
    for (before, after) in [
        ("    image: a/b:1 # why\n", "    image: a/b:2 # why\n"),
        ("    image: 'a/b:1'   # why\n", "    image: 'a/b:2'   # why\n"),
        ("    image: \"a/b:1\"\n", "    image: \"a/b:2\"\n"),
        ("    image:   a/b:1   \n\n\n", "    image:   a/b:2   \n\n\n"),
        ("    image:\n      a/b:1\n", "    image:\n      a/b:2\n"),
        ("    image:\n      # here\n      a/b:1\n", "    image:\n      # here\n      a/b:2\n"),
        ("    image: {repository: a/b, tag: 1.0} # flow\n", "    image: {repository: a/b, tag: '2'} # flow\n"),
        (
            "    image: {repository: a/b,\n      tag: v1,\n      x: [1, 2]}\n",
            "    image: {repository: a/b,\n      tag: '2',\n      x: [1, 2]}\n",
        ),
        ("    \"image\": a/b:1\n", "    \"image\": a/b:2\n"),
        ("    ? image\n    : a/b:1\n", "    ? image\n    : a/b:2\n"),
        ("    image: !!str a/b:1\n", "    image: !!str a/b:2\n"),
        ("    image: a/b:1\n    a.b/c: ünïcode ☃\n", "    image: a/b:2\n    a.b/c: ünïcode ☃\n"),
        ("    ü: ☃\n    image: a/b:1 # ☃\n", "    ü: ☃\n    image: a/b:2 # ☃\n"),
        (
            "    image: a/b:1\n    x: |\n      image: a/b:1\n    y: >-\n      folded\n\n",
            "    image: a/b:2\n    x: |\n      image: a/b:1\n    y: >-\n      folded\n\n",
        ),
        (
            "    image: a/b:1\n    list:\n    - zero\n    - indented\n",
            "    image: a/b:2\n    list:\n    - zero\n    - indented\n",
        ),
        ("    image: a/b:1\t# tab\n    x:\ty\n", "    image: a/b:2\t# tab\n    x:\ty\n"),
    ] {
        check_values(before, "2", Ok(after));
    }
}

#[test]
fn quotes_what_would_not_be_a_string() {
    for tag in [
        "1.20",
        "1234567",
        "0644",
        "0755",
        "0o7",
        "null",
        "~",
        "true",
        "yes",
        "on",
        "n",
        "2019-01-01",
        "1e5",
        "1e10",
        "12_3",
        "1_000",
        "1:30",
        "0x1F",
        ".5",
        "1.",
        "0b11",
        "08",
    ] {
        let after = format!("    image: a/b\n    tag: '{tag}'\n");
        check_values("    image: a/b\n    tag: v1\n", tag, Ok(&after));
        check_values("    image: a/b\n    tag: 7\n", tag, Ok(&after));
        let double = format!("    image: a/b\n    tag: \"{tag}\"\n");
        check_values("    image: a/b\n    tag: \"v1\"\n", tag, Ok(&double));
        // Behind its repository it needs none.
        check_values("    image: a/b:1\n", tag, Ok(&format!("    image: a/b:{tag}\n")));
    }
    for tag in ["v1", "1.2.3", "dev-kb9lm91e", "5d1b9e7a3", "latest", "1.0.0-rc.1", "_x", "sha-abc"] {
        check_values("    image: a/b\n    tag: 7\n", tag, Ok(&format!("    image: a/b\n    tag: {tag}\n")));
    }
}

#[test]
fn fills_in_a_tag_that_is_empty() {
    for (before, after) in [
        ("tag: ''", "tag: 'v2'"),
        ("tag: \"\"", "tag: \"v2\""),
        ("tag: null", "tag: v2"),
        ("tag: ~ # none", "tag: v2 # none"),
        ("tag:", "tag: v2"),
        ("tag:  # none", "tag: v2  # none"),
        ("tag: !!str", "tag: !!str v2"),
    ] {
        check_values(&format!("    image: a/b\n    {before}\n"), "v2", Ok(&format!("    image: a/b\n    {after}\n")));
    }
    check_values("    image: {repository: a/b, tag: }\n", "v2", Ok("    image: {repository: a/b, tag: v2}\n"));
    check_values("    image: a/b\n", "v2", Ok("    image: a/b:v2\n"));
    check_values("    image: 'a/b'\n", "v2", Ok("    image: 'a/b:v2'\n"));
}

#[test]
fn refuses_to_spill_through_anchors() {
    check_values("    image: &i a/b:1\n    other: *i\n", "2", SPILL);
    check_values("    image: &i a/b:1\n    <<: {x: *i}\n", "2", SPILL);
    check_values("    image: &i a/b:1\n", "2", Ok("    image: &i a/b:2\n"));
    let spill = "would change more than `/spec/values/c/tag`";
    let shared = helm_release("{c: &c {image: s, tag: v1}, d: {<<: *c}}", "{}");
    let before = file("app.yaml", &shared);
    let object = load(std::slice::from_ref(&before)).objects.remove(0);
    let edit = Edit::retag(&slots(&object)[0], &Tag::new("v2")).unwrap();
    assert!(apply(&before, &[edit]).unwrap_err().to_string().contains(spill));
    // In the map that merges, only its own key changes.
    let merged = "{c: &c {image: s, tag: v1}, d: {<<: *c, tag: v1}}";
    let after = "{c: &c {image: s, tag: v1}, d: {<<: *c, tag: v2}}";
    check(&helm_release(merged, "{}"), &[("d", "v2")], Ok(&helm_release(after, "{}")));
}

#[test]
fn edits_any_document_of_any_layout() {
    let text = |one: &str, two: &str| {
        format!(
            "# first\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata: {{image: 'a/b:1'}}\n---\n\n---\n{}...\n---\n{}# last\n",
            helm_release(one, "{}").replace("name: app", "name: one").replace("values: ", "values: # here\n    "),
            helm_release(two, "{}")
        )
    };
    check(
        &text("{x: {image: 'a:1'}}", "{yy: {image: 'b:1'}}"),
        &[("yy", "2"), ("x", "3")],
        Ok(&text("{x: {image: 'a:3'}}", "{yy: {image: 'b:2'}}")),
    );
    let crlf = helm_release("\n    image: a/b:1 # c\n    x: y", "{}").replace('\n', "\r\n");
    check(&crlf, &[("chart-image", "2")], Ok(&crlf.replace(":1 #", ":2 #")));
    let end = helm_release("{image: 'a:1'}", "{}");
    check(end.trim_end(), &[("chart-image", "2")], Ok(end.replace("a:1", "a:2").trim_end()));
    let last = helm_release("\n    image: a:1", "{}");
    check(last.trim_end(), &[("chart-image", "2")], Ok(last.replace("a:1", "a:2").trim_end()));
    let mark = format!("\u{feff}{end}");
    check(&mark, &[("chart-image", "2")], Ok(&mark.replace("a:1", "a:2")));
    let directive = format!("%YAML 1.1\n---\n{end}");
    check(&directive, &[("chart-image", "2")], Ok(&directive.replace("a:1", "a:2")));
    let json = r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a"},"spec":{"template":{"spec":{"containers":[{"image":"a:1","name":"c"}]}}}}"#;
    check(json, &[("c", "1e10")], Ok(&json.replace("a:1", "a:1e10")));
}

#[test]
fn edits_items_of_lists_and_the_containers_of_workloads() {
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: apps/v1\n  kind: Deployment\n  metadata:\n    name: a\n  spec:\n    \
                template:\n      spec:\n        initContainers:\n        - image: i:1 # init\n          name: i\n        containers:\n        \
                - image: x:1    # testing comments\n          name: x\n        -   name: nginx\n            image: nginx\n";
    let after =
        list.replace("i:1", "i:9").replace("x:1", "x:v_0.2.0").replace("image: nginx", "image: nginx:1.10-alpine");
    check(list, &[("i", "9"), ("x", "v_0.2.0"), ("nginx", "1.10-alpine")], Ok(&after));
}

#[test]
fn two_names_of_one_scalar_are_one_edit_and_must_agree() {
    let text = helm_release(
        "{image: {repository: a, tag: '1'}}",
        "{repository.fluxcd.io/a: image.repository, tag.fluxcd.io/a: image.tag}",
    );
    check(&text, &[("chart-image", "2"), ("a", "2")], Ok(&text.replace("'1'", "'2'")));
    check(&text, &[("chart-image", "2"), ("a", "3")], Err("edit of `app.yaml` does not fit the file"));
}

#[test]
fn an_edit_of_another_text_is_refused() {
    let before = file("app.yaml", &helm_release("{image: 'a:1'}", "{}"));
    let object = load(std::slice::from_ref(&before)).objects.remove(0);
    let edit = Edit::retag(&slots(&object)[0], &Tag::new("2")).unwrap();
    let others = [
        file("app.yaml", ""),
        file("app.yaml", &helm_release("{imago: 'a:1'}", "{}")),
        file("app.yaml", &helm_release("{image: 'abc:1'}", "{}")),
        file("app.yaml", &helm_release("{image: 'a:1'}", "{}").replace("name: app", "name: APP")),
        file("app.yaml", "{{ broken"),
        super::File { path: "app.yaml".to_owned(), data: vec![0xff; 400] },
    ];
    for other in others {
        assert!(apply(&other, std::slice::from_ref(&edit)).is_err(), "{}", String::from_utf8_lossy(&other.data));
    }
    // What a span of a hostile caller may be.
    for (start, end) in [(0, 0), (5, 2), (0, usize::MAX), (usize::MAX, usize::MAX)] {
        assert!(apply(&before, &[Edit { span: start..end, ..edit.clone() }]).is_err());
    }
}

#[test]
fn a_value_that_brings_its_own_syntax_stays_one_string() {
    for value in
        ["x # no", "x: y", "- x", "{a}", "'", "\"", "*x", "&x", "x\ny: z", "x\r---", "\u{feff}", "\u{0}", " x ", "%"]
    {
        let before = file("app.yaml", &helm_release("{image: a, tag: v1}", "{}"));
        let object = load(std::slice::from_ref(&before)).objects.remove(0);
        let edit = Edit::retag(&slots(&object)[0], &Tag::new(value)).unwrap();
        let after = apply(&before, &[edit]).unwrap();
        let read = load(&[after]).objects.remove(0).value.pointer("/spec/values/tag").cloned();
        assert_eq!(read, Some(serde_json::json!(value)));
    }
}
