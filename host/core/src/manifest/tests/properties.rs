use proptest::prelude::*;

use super::{file, helm_release};
use crate::id::Tag;
use crate::manifest::{Edit, apply, load, slots};

fn tag() -> impl Strategy<Value = String> {
    prop_oneof!["[A-Za-z0-9_][A-Za-z0-9._-]{0,20}", "[0-9][0-9_.e:x]{0,6}", "(on|no|null|~|true|0755|1e10|\\PC{1,8})"]
}

/// One scalar in some style, with what may stand behind it.
fn scalar(text: String) -> impl Strategy<Value = String> {
    prop_oneof![
        Just(format!("'{text}'")),
        Just(format!("\"{text}\" # c")),
        Just(format!("!!str {text}")),
        Just(format!("&anchor {text}  ")),
        Just(text),
    ]
}

fn container(index: usize) -> impl Strategy<Value = String> {
    let tagged = scalar(format!("v{index}"))
        .prop_map(move |tag| format!("    c{index}:\n      image: repo/a{index}\n      tag: {tag}\n"));
    let whole = scalar(format!("repo/a{index}:v{index}"))
        .prop_map(move |image| format!("    c{index}:\n      x: ü\n      image: {image}\n"));
    let flow = Just(format!("    c{index}: {{image: {{repository: a, tag: v{index}}}}}\n"));
    prop_oneof![tagged, whole, flow]
}

fn text() -> impl Strategy<Value = String> {
    let containers = [0, 1, 2, 3].map(container);
    let document = (containers, any::<bool>(), any::<bool>()).prop_map(|(containers, marker, comment)| {
        let marker = if marker { "---\n" } else { "--- # next\n" };
        let comment = if comment { "# ünder\n" } else { "\n" };
        (marker, comment, helm_release(&format!("\n{}", containers.concat()), "{}"))
    });
    let line_break = prop_oneof![Just("\n"), Just("\r\n")];
    (proptest::collection::vec(document, 1..4), line_break).prop_map(|(documents, line_break)| {
        let numbered = documents.iter().enumerate().map(|(index, (marker, comment, text))| {
            format!("{marker}{}{comment}", text.replace("name: app", &format!("name: app{index}")))
        });
        numbered.collect::<String>().replace('\n', line_break)
    })
}

proptest! {
    #[test]
    fn edits_touch_only_their_spans(text in text(), picks in proptest::collection::vec((any::<prop::sample::Index>(), tag()), 0..6)) {
        let before = file("app.yaml", &text);
        let found: Vec<_> = load(std::slice::from_ref(&before)).objects.iter().flat_map(slots).collect();
        let mut edits: Vec<Edit> = Vec::new();
        for (index, tag) in &picks {
            let edit = Edit::retag(index.get(&found), &Tag::new(tag)).unwrap();
            if edits.iter().all(|other| other.span != edit.span) {
                edits.push(edit);
            }
        }
        let after = apply(&before, &edits).unwrap();
        edits.sort_by_key(|edit| edit.span.start);
        // What stands between the edited scalars is the same, in the same order.
        let (mut rest, mut end) = (std::str::from_utf8(&after.data).unwrap(), 0);
        for edit in &edits {
            let kept = &text[end..edit.span.start];
            prop_assert!(rest.starts_with(kept));
            rest = &rest[kept.len()..];
            let printed = rhumb_yaml::scalar(&edit.value, edit.style);
            prop_assert!(rest.starts_with(&printed));
            rest = &rest[printed.len()..];
            end = edit.span.end;
        }
        prop_assert_eq!(rest, &text[end..]);
        // And Kubernetes reads the new strings and nothing else that is new.
        let mut expected = load(std::slice::from_ref(&before)).objects;
        for edit in &edits {
            let object = expected.iter_mut().find(|object| object.id == edit.object).unwrap();
            *object.value.pointer_mut(&edit.pointer).unwrap() = serde_json::Value::String(edit.value.clone());
        }
        let values = |objects: Vec<crate::manifest::Object>| objects.into_iter().map(|object| object.value).collect::<Vec<_>>();
        prop_assert_eq!(values(load(&[after]).objects), values(expected));
    }

    #[test]
    fn what_stands_around_a_line_never_makes_its_edit_another_one(
        above in "([a-z&*!?:#|>'\"\\-\\[{,}\\]\t ]{0,8}\n){0,2}",
        line in "[ ]{0,3}(image|\"image\"|- image|\\? image|&k image|x: image): (&a |!!str )?['\"]?a/b:1['\"]?[a-z#:,*&'\" ]{0,5}",
        below in "(\n[a-z&*!?:#|>'\"\\-\\[{,}\\]\t ]{0,8}){0,3}",
        tag in tag(),
    ) {
        let before = file("app.yaml", &helm_release(&format!("\n{above}    {line}{below}\n"), "{}"));
        let mut expected = load(std::slice::from_ref(&before)).objects;
        let found: Vec<_> = expected.iter().flat_map(slots).collect();
        if let Some(edit) = found.first().and_then(|slot| Edit::retag(slot, &Tag::new(&tag)))
            && let Ok(after) = apply(&before, std::slice::from_ref(&edit))
        {
            let object = expected.iter_mut().find(|object| object.id == edit.object).unwrap();
            *object.value.pointer_mut(&edit.pointer).unwrap() = serde_json::Value::String(edit.value.clone());
            let values = |objects: Vec<crate::manifest::Object>| objects.into_iter().map(|object| object.value).collect::<Vec<_>>();
            prop_assert_eq!(values(load(&[after]).objects), values(expected));
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "[a-z:{}\\[\\]&*<>|\\-# \n\t'\"!%?é]{0,60}") {
        let manifests = load(&[file("app.yaml", &text), file("b.yaml", &helm_release(&text, &text))]);
        let _found: Vec<_> = manifests.objects.iter().flat_map(slots).collect();
    }
}
