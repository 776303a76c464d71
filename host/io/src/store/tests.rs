use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rhumb_core::id::{Digest, ObjectId, Tag, Timestamp};
use rhumb_core::judge;
use rhumb_core::sync::{Key, Previous};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::registry::{ImageMetadata, TagList};

const REPOSITORY: &str = "index.docker.io/team/app";

fn store() -> (TempDir, PathBuf, Store) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state/rhumb.redb");
    let store = Store::open(&path).unwrap();
    (dir, path, store)
}

fn list(names: &[&str], complete: bool) -> TagList {
    TagList { names: names.iter().map(|name| Tag::from(*name)).collect(), complete }
}

fn shown(tags: &judge::Tags) -> Vec<(String, u64, u32)> {
    let times = tags.first_seen.iter().zip(&tags.moves);
    tags.iter().zip(times).map(|(name, (seen, moves))| (name.to_owned(), seen.0, *moves)).collect()
}

fn image(content: &str) -> ImageMetadata {
    ImageMetadata {
        digest: Digest::of(content),
        created: Timestamp(5),
        labels: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
        annotations: BTreeMap::new(),
        platforms: vec!["linux/amd64".to_owned()],
        size: 7,
    }
}

#[test]
fn keeps_first_seen_and_lists_the_newest_first() {
    let (_dir, _, store) = store();
    assert_eq!(tags::known(&store, REPOSITORY).unwrap(), None);
    tags::observe(&store, REPOSITORY, &list(&["b", "a"], true), Timestamp(100)).unwrap();
    let tags = tags::observe(&store, REPOSITORY, &list(&["b", "c", "a"], true), Timestamp(200)).unwrap();
    let expected = vec![("c".to_owned(), 200, 0), ("a".to_owned(), 100, 0), ("b".to_owned(), 100, 0)];
    assert_eq!(shown(&tags), expected);
    assert_eq!(tags.names, "c\na\nb\n");
    assert!(tags.complete);
    assert_eq!(tags::known(&store, REPOSITORY).unwrap(), Some(tags));
    assert_eq!(tags::last_scan(&store, REPOSITORY).unwrap(), Some(Timestamp(200)));
}

#[test]
fn a_tag_that_is_gone_for_a_while_keeps_its_first_seen_time() {
    let (_dir, _, store) = store();
    let observe = |names: &[&str], complete, now| {
        shown(&tags::observe(&store, REPOSITORY, &list(names, complete), Timestamp(now)).unwrap())
    };
    observe(&["a"], true, 100);
    assert_eq!(observe(&[], true, 200), []);
    assert_eq!(observe(&["a"], true, 300), [("a".to_owned(), 100, 0)]);
    // An incomplete list says nothing about what it lacks.
    assert_eq!(observe(&["b"], false, 400).len(), 2);
    observe(&["b"], true, 500);
    let later = 500 + GONE_TAGS_KEPT_MILLIS;
    observe(&["b"], true, later);
    assert_eq!(observe(&["a", "b"], true, later + 1)[0], ("a".to_owned(), later + 1, 0));
}

#[test]
fn the_cluster_can_move_first_seen_times_back() {
    let (_dir, _, store) = store();
    tags::observe(&store, REPOSITORY, &list(&["a", "b"], true), Timestamp(1000)).unwrap();
    let times = BTreeMap::from([(Tag::from("a"), Timestamp(10)), (Tag::from("b"), Timestamp(2000))]);
    tags::restore_first_seen(&store, REPOSITORY, &times).unwrap();
    let tags = tags::known(&store, REPOSITORY).unwrap().unwrap();
    assert_eq!(shown(&tags), [("b".to_owned(), 1000, 0), ("a".to_owned(), 10, 0)]);
}

#[test]
fn counts_tags_that_move_and_finds_metadata_by_tag() {
    let (_dir, _, store) = store();
    tags::observe(&store, REPOSITORY, &list(&["a", "b"], true), Timestamp(100)).unwrap();
    let tag = Tag::from("a");
    for content in ["one", "one", "two"] {
        images::put(&store, REPOSITORY, &[(tag.clone(), image(content))]).unwrap();
    }
    let known = tags::known(&store, REPOSITORY).unwrap().unwrap();
    assert_eq!(known.moves, [1, 0]);
    let found = images::of_tags(&store, REPOSITORY, &[Tag::from("b"), tag]).unwrap();
    assert_eq!(found, [None, Some(image("two"))]);
    assert_eq!(images::of_digest(&store, REPOSITORY, &Digest::of("one")).unwrap(), Some(image("one")));
    assert_eq!(images::of_digest(&store, "elsewhere", &Digest::of("one")).unwrap(), None);
}

#[test]
fn ten_thousand_tags_are_fast() {
    let (_dir, _, store) = store();
    let names: Vec<String> = (0..10_000).map(|n| format!("main-{n:05}-abcdef")).collect();
    let mut listed = list(&names.iter().map(String::as_str).collect::<Vec<_>>(), true);
    let timed = |what: &str, work: &mut dyn FnMut()| {
        let start = Instant::now();
        work();
        println!("{what}: {:?}", start.elapsed());
        // Generous, as this is an unoptimised build on a busy machine.
        assert!(start.elapsed() < Duration::from_secs(60), "{what}: {:?}", start.elapsed());
    };
    timed("first scan", &mut || {
        tags::observe(&store, REPOSITORY, &listed, Timestamp(1)).unwrap();
    });
    timed("nothing new", &mut || {
        tags::observe(&store, REPOSITORY, &listed, Timestamp(2)).unwrap();
    });
    listed.names.push(Tag::from("one-more"));
    timed("one more", &mut || {
        let tags = tags::observe(&store, REPOSITORY, &listed, Timestamp(3)).unwrap();
        assert_eq!((tags.len(), tags.get(0)), (10_001, Some("one-more")));
    });
    let known: Vec<(Tag, ImageMetadata)> = listed.names.iter().map(|tag| (tag.clone(), image(tag.as_str()))).collect();
    timed("keep all metadata", &mut || images::put(&store, REPOSITORY, &known).unwrap());
    timed("find all metadata", &mut || {
        let found = images::of_tags(&store, REPOSITORY, &listed.names).unwrap();
        assert!(found.iter().all(Option::is_some));
    });
}

#[test]
fn drops_the_oldest_records_beyond_the_bounds() {
    let (_dir, _, store) = store();
    let release = ObjectId { kind: "HelmRelease".into(), namespace: Some("dev".into()), name: "app".into() };
    let bounds = records::Bounds { records: 3, bytes: u64::MAX };
    let digests: Vec<Digest> = (0..5).map(|n| Digest::of(format!("{n}"))).collect();
    for (n, digest) in digests.iter().enumerate() {
        records::put(&store, digest, &json!({ "n": n }), bounds).unwrap();
        records::put(&store, digest, &json!({ "n": "kept already" }), bounds).unwrap();
        records::note(&store, &release, std::slice::from_ref(digest)).unwrap();
    }
    let found: Vec<bool> = digests.iter().map(|digest| records::get(&store, digest).unwrap().is_some()).collect();
    assert_eq!(found, [false, false, true, true, true]);
    assert_eq!(records::get(&store, &digests[4]).unwrap(), Some(json!({ "n": 4 })));
    records::put(&store, &Digest::of("x"), &json!({}), records::Bounds { records: 10, bytes: 1 }).unwrap();
    assert!(records::get(&store, &digests[4]).unwrap().is_none());
    assert!(records::get(&store, &Digest::of("x")).unwrap().is_some());

    // Page by page, all that is left, the oldest first.
    for digest in &digests {
        records::put(&store, digest, &json!({ "digest": digest }), records::Bounds { records: 4, bytes: u64::MAX })
            .unwrap();
    }
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let page = records::page(&store, after, 1).unwrap();
        pages.extend(page.records);
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
        assert_eq!(pages.len(), pages.iter().collect::<std::collections::HashSet<_>>().len());
    }
    let expected: Vec<_> = digests[1..].iter().map(|digest| json!({ "digest": digest })).collect();
    assert_eq!(pages, expected);
    assert_eq!(records::page(&store, None, usize::MAX).unwrap(), records::Page { records: expected, next: None });

    let newest_first: Vec<Digest> = digests.iter().rev().cloned().collect();
    assert_eq!(records::of_release(&store, &release).unwrap(), newest_first);
    records::note(&store, &release, &[digests[0].clone()]).unwrap();
    assert_eq!(records::of_release(&store, &release).unwrap()[..2], [digests[0].clone(), digests[4].clone()]);
    let many: Vec<Digest> = (0..2 * RECORDS_PER_RELEASE).map(|n| Digest::of(format!("m{n}"))).collect();
    records::note(&store, &release, &many).unwrap();
    assert_eq!(records::of_release(&store, &release).unwrap().len(), RECORDS_PER_RELEASE);
}

#[test]
fn remembers_the_inventory_and_facts_over_a_restart() {
    let (_dir, path, store) = store();
    let key = |name: &str| Key {
        api_version: "apps/v1".to_owned(),
        kind: "Deployment".to_owned(),
        namespace: Some("dev".to_owned()),
        name: name.to_owned(),
    };
    let applied = |content: &str| Previous {
        digest: Digest::of(content),
        uid: "u".to_owned(),
        version: "generation 1".to_owned(),
        sync_only: false,
    };
    let first = BTreeMap::from([(key("a"), Some(applied("1"))), (key("b"), Some(applied("2")))]);
    inventory::write(&store, &first).unwrap();
    inventory::write(&store, &BTreeMap::from([(key("a"), Some(applied("3"))), (key("b"), None)])).unwrap();
    facts::put(&store, "since/a", &Timestamp(5)).unwrap();
    facts::put(&store, "since/b", &Timestamp(6)).unwrap();
    facts::put(&store, "sincere", &"other").unwrap();
    facts::remove(&store, "since/b").unwrap();
    assert!(matches!(Store::open(&path), Err(Error::InUse { .. })));
    drop(store);
    let store = Store::open(&path).unwrap();
    assert_eq!(inventory::read(&store).unwrap(), BTreeMap::from([(key("a"), applied("3"))]));
    assert_eq!(facts::with_prefix::<Timestamp>(&store, "since/").unwrap(), [("since/a".to_owned(), Timestamp(5))]);
    assert_eq!(facts::get::<String>(&store, "sincere").unwrap().as_deref(), Some("other"));
    // A fact of another shape is as good as none.
    assert_eq!(facts::get::<u64>(&store, "sincere").unwrap(), None);
}

#[test]
fn sets_a_damaged_file_aside_and_begins_a_new_one() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 4] = [
        ("garbage", |bytes| *bytes = b"this is no database".repeat(1000)),
        ("truncated", |bytes| bytes.truncate(bytes.len() / 3)),
        ("header", |bytes| bytes[..512].fill(0xff)),
        ("pages", |bytes| {
            let start = 4096;
            bytes[start..].fill(0xaa);
        }),
    ];
    for (name, damage) in damages {
        let (dir, path, store) = store();
        facts::put(&store, "a", &1).unwrap();
        drop(store);
        let mut bytes = std::fs::read(&path).unwrap();
        damage(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
        let store = Store::open(&path).unwrap();
        assert_eq!(facts::get::<u32>(&store, "a").unwrap(), None, "{name}");
        facts::put(&store, "a", &2).unwrap();
        assert!(dir.path().join("state/rhumb.redb.damaged-1").exists(), "{name}");
    }
}

#[test]
fn what_was_written_is_there_after_a_kill() {
    // The copy of the file taken while the store is open is what a killed process leaves behind.
    let (dir, path, store) = store();
    facts::put(&store, "a", &1).unwrap();
    let left = dir.path().join("left.redb");
    std::fs::copy(&path, &left).unwrap();
    let store = Store::open(&left).unwrap();
    assert_eq!(facts::get::<u32>(&store, "a").unwrap(), Some(1));
    assert!(!dir.path().join("left.redb.damaged-1").exists());
}
