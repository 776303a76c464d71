use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Barrier};

use git2::Repository;
use rhumb_core::chain::chain;
use rhumb_core::id::{Revision, Timestamp};
use rhumb_core::manifest::File;
use tempfile::TempDir;

use super::local::branch_head;
use super::*;

struct World {
    dir: TempDir,
    repository: Repository,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let repository = Repository::init_bare(dir.path().join("remote.git")).unwrap();
        let world = Self { dir, repository };
        world.write(&[("a.yaml", "a: 1\n"), ("sub/deep/b.yaml", "b: 1\n"), ("sub/run.sh", "#!/bin/sh\n")], "first");
        world
    }

    fn url(&self) -> String {
        format!("file://{}", self.dir.path().join("remote.git").display())
    }

    fn mirror(&self, name: &str) -> Mirror {
        Mirror::open(&self.dir.path().join(name), &self.url(), "main", &nobody()).unwrap()
    }

    fn head(&self) -> Option<git2::Oid> {
        branch_head(&self.repository, "refs/heads/main").unwrap()
    }

    /// Commits in the remote itself, as another writer whose push just arrived.
    fn write(&self, files: &[(&str, &str)], message: &str) -> Revision {
        let repository = &self.repository;
        let parent = self.head().map(|id| repository.find_commit(id).unwrap());
        let empty = repository.find_tree(repository.treebuilder(None).unwrap().write().unwrap()).unwrap();
        let base = parent.as_ref().map_or(empty, |parent| parent.tree().unwrap());
        let mut update = git2::build::TreeUpdateBuilder::new();
        for (path, text) in files {
            let mode = if path.ends_with(".sh") { git2::FileMode::BlobExecutable } else { git2::FileMode::Blob };
            update.upsert(*path, repository.blob(text.as_bytes()).unwrap(), mode);
        }
        let tree = repository.find_tree(update.create_updated(repository, &base).unwrap()).unwrap();
        let author = git2::Signature::new("Other", "other@example.com", &git2::Time::new(1_700_000_000, 0)).unwrap();
        let parents: Vec<_> = parent.iter().collect();
        let id = repository.commit(Some("refs/heads/main"), &author, &author, message, &tree, &parents).unwrap();
        Revision::new(id.to_string())
    }
}

fn commit(onto: &Revision, path: &str, text: &str) -> Commit {
    Commit {
        onto: onto.clone(),
        files: vec![File { path: path.to_owned(), data: text.as_bytes().to_vec() }],
        message: format!("Change {path}\n"),
        author: Signature { name: "Rhumb".to_owned(), email: "rhumb@example.com".to_owned() },
        time: Timestamp(1_795_444_500_000),
    }
}

fn nobody() -> Access {
    Access::new(Options::default()).unwrap()
}

fn all(_: &str) -> bool {
    true
}

#[test]
fn fetches_and_reads_files_by_folder_and_pick() {
    let world = World::new();
    let mirror = world.mirror("mirror");
    assert_eq!(mirror.head().unwrap(), None);
    let head = mirror.fetch().unwrap();
    assert_eq!(mirror.head().unwrap(), Some(head.clone()));
    let paths = |under: &[&str], pick: &dyn Fn(&str) -> bool| -> Vec<String> {
        let under: Vec<String> = under.iter().map(|path| (*path).to_owned()).collect();
        mirror.files(&head, &under, pick).unwrap().into_iter().map(|file| file.path).collect()
    };
    assert_eq!(paths(&[], &all), ["a.yaml", "sub/deep/b.yaml", "sub/run.sh"]);
    assert_eq!(
        paths(&["./sub/", "sub/deep", "a.yaml"], &|path| path.ends_with(".yaml")),
        ["a.yaml", "sub/deep/b.yaml"]
    );
    let missing = mirror.files(&head, &["nowhere".to_owned()], &all).unwrap_err();
    assert!(missing.to_string().starts_with("there is no path `nowhere` at commit"));
}

#[test]
fn a_tree_id_changes_only_with_what_is_below_it() {
    let world = World::new();
    let mirror = world.mirror("mirror");
    let first = mirror.fetch().unwrap();
    world.write(&[("a.yaml", "a: 2\n")], "second");
    let second = mirror.fetch().unwrap();
    assert_eq!(mirror.tree(&first, "sub").unwrap(), mirror.tree(&second, "sub/").unwrap());
    assert_ne!(mirror.tree(&first, "").unwrap(), mirror.tree(&second, ".").unwrap());
    assert_eq!(mirror.tree(&first, "a.yaml").unwrap(), None);
    assert_eq!(mirror.tree(&first, "nowhere/else").unwrap(), None);
}

#[test]
fn pushes_a_commit_that_changes_only_the_given_files() {
    let world = World::new();
    let mirror = world.mirror("mirror");
    let onto = mirror.fetch().unwrap();
    let Push::Pushed(new) = mirror.push(&commit(&onto, "sub/run.sh", "#!/bin/sh\nexit 0\n")).unwrap() else {
        panic!("not pushed")
    };
    assert_eq!(world.head().unwrap().to_string(), new.as_str());
    assert_eq!(mirror.head().unwrap(), Some(new.clone()));
    let made = world.repository.find_commit(world.head().unwrap()).unwrap();
    assert_eq!(made.parent_id(0).unwrap().to_string(), onto.as_str());
    assert_eq!(made.author().when().seconds(), 1_795_444_500);
    let entry = made.tree().unwrap().get_path(Path::new("sub/run.sh")).unwrap();
    assert_eq!(entry.filemode(), 0o100_755);
    let log = mirror.log(Some(&onto), &new).unwrap();
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].message, "Change sub/run.sh\n");
    assert_eq!(log[0].author.name, "Rhumb");
    assert_eq!(mirror.log(None, &new).unwrap().len(), 2);
    assert_eq!(mirror.files(&new, &[], &all).unwrap().len(), 3);
}

#[test]
fn a_commit_on_an_old_head_is_stale_and_changes_nothing() {
    let world = World::new();
    let mirror = world.mirror("mirror");
    let onto = mirror.fetch().unwrap();
    let head = world.write(&[("c.yaml", "c: 1\n")], "another writer");
    let push = mirror.push(&commit(&onto, "a.yaml", "a: 2\n")).unwrap();
    assert_eq!(push, Push::Stale { head: head.clone() });
    assert_eq!(world.head().unwrap().to_string(), head.as_str());
}

#[test]
fn a_writer_that_comes_between_commit_and_push_makes_it_stale() {
    let world = World::new();
    let mirror = world.mirror("mirror");
    let onto = mirror.fetch().unwrap();
    let (ours, theirs) = (mirror.repository().unwrap(), local::open(&world.dir.path().join("remote.git")).unwrap());
    let old = world.head().unwrap();
    let new = mirror.build(&ours, &commit(&onto, "a.yaml", "a: 2\n")).unwrap();
    let head = world.write(&[("c.yaml", "c: 1\n")], "another writer");
    assert_eq!(mirror.publish(&ours, &theirs, old, new).unwrap(), Push::Stale { head });
    assert_eq!(mirror.head().unwrap(), Some(onto));
}

#[test]
fn a_process_killed_between_commit_and_push_leaves_nothing_and_the_next_pushes_once() {
    let world = World::new();
    let onto = {
        let mirror = world.mirror("mirror");
        let onto = mirror.fetch().unwrap();
        mirror.build(&mirror.repository().unwrap(), &commit(&onto, "a.yaml", "a: 2\n")).unwrap();
        onto
    };
    assert_eq!(world.head().unwrap().to_string(), onto.as_str());
    // A lock that the killed process held in the mirror does not stop the next one.
    std::fs::write(world.dir.path().join("mirror/refs/heads/main.lock"), "").unwrap();
    let mirror = world.mirror("mirror");
    assert_eq!(mirror.head().unwrap(), Some(onto.clone()));
    assert_eq!(mirror.fetch().unwrap(), onto);
    assert!(matches!(mirror.push(&commit(&onto, "a.yaml", "a: 2\n")).unwrap(), Push::Pushed(_)));
    let head = mirror.fetch().unwrap();
    assert_eq!(mirror.log(Some(&onto), &head).unwrap().len(), 1);
}

#[test]
fn a_process_killed_after_the_push_finds_its_commit_at_the_next_fetch() {
    let world = World::new();
    let mirror = world.mirror("mirror");
    let onto = mirror.fetch().unwrap();
    let Push::Pushed(new) = mirror.push(&commit(&onto, "a.yaml", "a: 2\n")).unwrap() else { panic!("not pushed") };
    // As if the process had died before it moved its own ref.
    let ours = mirror.repository().unwrap();
    mirror.set_local_head(&ours, git2::Oid::from_str(onto.as_str()).unwrap()).unwrap();
    assert_eq!(mirror.fetch().unwrap(), new);
    let again = mirror.push(&commit(&new, "a.yaml", "a: 2\n")).unwrap_err();
    assert!(again.to_string().starts_with("no changes made"), "{again}");
}

#[test]
fn of_racing_writers_each_commit_arrives_exactly_once() {
    const WRITERS: usize = 3;
    const ROUNDS: usize = 8;
    let world = World::new();
    let barrier = Arc::new(Barrier::new(WRITERS));
    let stale: usize = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let mirror = world.mirror(&format!("mirror-{writer}"));
                let barrier = Arc::clone(&barrier);
                scope.spawn(move || {
                    let mut n_stale = 0;
                    for round in 0..ROUNDS {
                        barrier.wait();
                        loop {
                            let onto = mirror.fetch().unwrap();
                            match mirror.push(&commit(&onto, &format!("w{writer}/r{round}.yaml"), "x: 1\n")).unwrap() {
                                Push::Pushed(_) => break,
                                Push::Stale { .. } => n_stale += 1,
                                Push::Rejected { reason } => panic!("{reason}"),
                            }
                        }
                    }
                    n_stale
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).sum()
    });
    let mirror = world.mirror("reader");
    let head = mirror.fetch().unwrap();
    let messages: Vec<String> = mirror.log(None, &head).unwrap().into_iter().map(|commit| commit.message).collect();
    assert_eq!(messages.len(), 1 + WRITERS * ROUNDS, "stale: {stale}");
    assert_eq!(messages.iter().collect::<BTreeSet<_>>().len(), messages.len());
    assert_eq!(mirror.files(&head, &[], &all).unwrap().len(), 3 + WRITERS * ROUNDS);
}

#[test]
fn names_a_missing_branch_repository_and_commit() {
    let world = World::new();
    let mirror = Mirror::open(&world.dir.path().join("m"), &world.url(), "release", &nobody()).unwrap();
    assert!(mirror.fetch().unwrap_err().to_string().starts_with("configured branch `release` does not exist in"));
    let gone = Mirror::open(&world.dir.path().join("n"), "/does/not/exist", "main", &nobody()).unwrap();
    let error = gone.fetch().unwrap_err();
    assert!(chain(&error).starts_with("failed to open the repository `/does/not/exist`"), "{}", chain(&error));
    let mirror = world.mirror("mirror");
    mirror.fetch().unwrap();
    let unknown = mirror.log(Some(&Revision::new("f".repeat(40))), &mirror.head().unwrap().unwrap()).unwrap_err();
    assert!(matches!(unknown, Error::NoRevision { .. }));
}

#[test]
fn commits_to_no_path_outside_the_root_and_through_no_symlink() {
    let world = World::new();
    let target = world.repository.blob(b"/etc/passwd").unwrap();
    let base = world.repository.find_commit(world.head().unwrap()).unwrap().tree().unwrap();
    let mut update = git2::build::TreeUpdateBuilder::new();
    update.upsert("link.yaml", target, git2::FileMode::Link);
    let tree = world.repository.find_tree(update.create_updated(&world.repository, &base).unwrap()).unwrap();
    let author = git2::Signature::now("Other", "other@example.com").unwrap();
    let parent = world.repository.find_commit(world.head().unwrap()).unwrap();
    world.repository.commit(Some("refs/heads/main"), &author, &author, "link", &tree, &[&parent]).unwrap();

    let mirror = world.mirror("mirror");
    let onto = mirror.fetch().unwrap();
    for path in ["../x", "/x", "a/../x", ".git/config", "sub/.GIT/x", "", "link.yaml", "sub"] {
        let error = mirror.push(&commit(&onto, path, "x")).unwrap_err();
        assert!(matches!(error, Error::BadPath { .. }), "{path}: {error}");
    }
    let listing = mirror.list(&onto, &[], &all).unwrap();
    assert_eq!(listing.skipped, [("link.yaml".to_owned(), Skipped::Symlink)]);
    assert!(!listing.files.iter().any(|file| file.path == "link.yaml"));
}

#[test]
fn follows_a_branch_that_was_forced() {
    let world = World::new();
    let first = world.head().unwrap();
    world.write(&[("a.yaml", "a: 2\n")], "to be dropped");
    let mirror = world.mirror("mirror");
    mirror.fetch().unwrap();
    world.repository.reference("refs/heads/main", first, true, "forced").unwrap();
    let other = world.write(&[("a.yaml", "a: 3\n")], "instead");
    assert_eq!(mirror.fetch().unwrap(), other);
    assert_eq!(mirror.files(&other, &["a.yaml".to_owned()], &all).unwrap()[0].data, b"a: 3\n");
}

#[test]
fn a_branch_checked_out_in_a_work_tree_is_not_pushed_to() {
    let dir = tempfile::tempdir().unwrap();
    let work = dir.path().join("work");
    let mut options = git2::RepositoryInitOptions::new();
    options.initial_head("main");
    let repository = Repository::init_opts(&work, &options).unwrap();
    let tree = repository.find_tree(repository.treebuilder(None).unwrap().write().unwrap()).unwrap();
    let author = git2::Signature::now("Other", "other@example.com").unwrap();
    repository.commit(Some("refs/heads/main"), &author, &author, "first", &tree, &[]).unwrap();
    let mirror = Mirror::open(&dir.path().join("m"), work.to_str().unwrap(), "main", &nobody()).unwrap();
    let onto = mirror.fetch().unwrap();
    assert!(matches!(mirror.push(&commit(&onto, "a", "b")).unwrap(), Push::Rejected { .. }));
}

#[test]
fn a_lock_that_another_writer_keeps_rejects_the_push() {
    let world = World::new();
    let mirror = world.mirror("mirror");
    let onto = mirror.fetch().unwrap();
    std::fs::write(world.dir.path().join("remote.git/refs/heads/main.lock"), "").unwrap();
    let push = mirror.push(&commit(&onto, "a.yaml", "a: 2\n")).unwrap();
    assert!(matches!(push, Push::Rejected { reason } if reason.contains("locked")));
}
