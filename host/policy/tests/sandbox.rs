//! Each wall of the sandbox, with a guest that runs against it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests fail by panicking")]

mod guests;
mod questions;

use rhumb_core::id::{Digest, PolicyName};
use rhumb_core::judge::{Answer, Ask, Chart, Failure, Outcome};
use rhumb_policy::{Library, Limits, LoadError, Options, Record, Sandbox, replay};

use questions::question;

fn sandbox() -> Sandbox {
    Sandbox::new(Options::default()).unwrap()
}

fn refused(bytes: &[u8]) -> String {
    match sandbox().load(bytes) {
        Ok(loaded) => panic!("was loaded: {loaded:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn an_endless_policy_ends_with_its_fuel() {
    let sandbox = sandbox();
    let endless = sandbox.load(guests::component("endless")).unwrap();
    let decision = sandbox.decide(&question(&endless.digest, "{}", 3));
    assert_eq!(decision.answer, Err(Failure::OutOfFuel { budget: 20_000_000 }));
    assert_eq!(decision.fuel, 20_000_000);
}

#[test]
fn an_endless_policy_with_much_fuel_ends_with_its_time() {
    let limits = Limits { wall_millis: 20, ..Limits::default() };
    let sandbox = Sandbox::new(Options { limits, ..Options::default() }).unwrap();
    let endless = sandbox.load(guests::component("endless")).unwrap();
    let failures: Vec<_> = (0..3).map(|_| sandbox.decide(&question(&endless.digest, "{}", 3)).answer).collect();
    // On a fast machine its fuel may be used up first; it ends in either case.
    assert!(failures.iter().all(|failure| matches!(failure, Err(Failure::Timeout { .. } | Failure::OutOfFuel { .. }))));
}

#[test]
fn a_tag_that_was_not_offered_is_not_a_verdict() {
    let sandbox = sandbox();
    let liar = sandbox.load(guests::component("liar")).unwrap();
    let decision = sandbox.decide(&question(&liar.digest, "{}", 3));
    let text = decision.answer.unwrap_err().to_string();
    assert_eq!(text, "answer breaks the contract: picked tag number 10, but 3 were offered");
}

#[test]
fn a_policy_that_needs_more_memory_than_it_may_have_fails_alone() {
    let limits = Limits { memory_bytes: 4 << 20, ..Limits::default() };
    let sandbox = Sandbox::new(Options { limits, ..Options::default() }).unwrap();
    let semver = sandbox.load(guests::component("semver")).unwrap();
    let large = sandbox.decide(&question(&semver.digest, r#"{"range":"*"}"#, 100_000));
    assert!(matches!(large.answer, Err(Failure::Trap(_))), "{:?}", large.answer);
    let small = sandbox.decide(&question(&semver.digest, r#"{"range":"*"}"#, 10));
    assert!(matches!(small.answer, Ok(Answer::Selection(_))), "{:?}", small.answer);
}

#[test]
fn unknown_components_and_other_kinds_are_unavailable() {
    let sandbox = sandbox();
    let unknown = sandbox.decide(&question(&Digest::of("nothing"), "{}", 1));
    assert!(matches!(unknown.answer, Err(Failure::Unavailable(_))));
    let soak = sandbox.load(guests::component("soak")).unwrap();
    let other = sandbox.decide(&question(&soak.digest, "{}", 1));
    assert!(other.answer.unwrap_err().to_string().contains("is of kind promotion-rule, not image-filter"));
}

#[test]
fn a_bad_config_is_refused_with_the_place() {
    let sandbox = sandbox();
    let semver = sandbox.load(guests::component("semver")).unwrap().digest;
    let wrong = |config: &str| sandbox.check_config(&semver, config).unwrap_err().remove(0);
    assert_eq!(sandbox.check_config(&semver, r#"{"range":"~1"}"#), Ok(()));
    assert_eq!(wrong(r#"{"range":1}"#).pointer, "/range");
    assert_eq!(wrong(r#"{"range":"latest"}"#).reason.message, "`latest` is not a range of versions");
    assert_eq!(wrong(r#"{"range":"1","rnage":"1"}"#).pointer, "/rnage");
    assert_eq!(wrong(r#"{"range":"1","range":"2"}"#).reason.code, "invalid-json");
    let decision = sandbox.decide(&question(&semver, r#"{"range":"latest"}"#, 1));
    assert!(matches!(decision.answer, Err(Failure::BadConfig(_))));
}

#[test]
fn a_record_gives_the_same_outcome_and_the_same_fuel() {
    let sandbox = sandbox();
    let semver = sandbox.load(guests::component("semver")).unwrap().digest;
    let question = question(&semver, r#"{"range":"<0.500"}"#, 10_000);
    let decision = sandbox.decide(&question);
    assert!(matches!(&decision.answer, Ok(Answer::Selection(found)) if found.outcome == Outcome::Pick(499)));
    let record = Record::new(&question, &decision, sandbox.profile());
    let text = record.canonical();
    assert!(text.len() < 120_000, "{} bytes for 10,000 tags", text.len());
    let read = Record::parse(&text).unwrap();
    assert_eq!(read.question(), question);
    assert_eq!(read.digest(), record.digest());
    let other = Sandbox::new(Options::default()).unwrap();
    other.load(guests::component("semver")).unwrap();
    let replay = replay(&other, &read);
    assert!(replay.same_outcome && replay.same_fuel && replay.same_engine, "{replay:?}");
}

#[test]
fn compiled_code_is_kept_and_gives_the_same_fuel() {
    let folder = tempfile::tempdir().unwrap();
    let ask = || {
        let sandbox =
            Sandbox::new(Options { cache_dir: Some(folder.path().to_owned()), ..Options::default() }).unwrap();
        let glob = sandbox.load(guests::component("semver")).unwrap();
        sandbox.decide(&question(&glob.digest, r#"{"range":"*"}"#, 100))
    };
    let first = ask();
    let mut entries = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let entry = entries.find(|path| path.extension().is_some_and(|ending| ending == "code")).unwrap();
    assert_eq!(ask(), first);
    let mut bytes = std::fs::read(&entry).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&entry, &bytes).unwrap();
    assert_eq!(ask(), first);
    assert_ne!(std::fs::read(&entry).unwrap(), bytes, "a damaged entry is written anew");
}

#[test]
fn a_secret_is_moved_and_not_read() {
    let sandbox = sandbox();
    let sizing = sandbox.load(guests::component("env-sizing")).unwrap().digest;
    let mut question = question(&sizing, r#"{"environments":{},"secretMove":{"from":"/a","to":"/b"}}"#, 0);
    let chart = Chart { name: "app".into(), version: "1.0.0".into(), app_version: None };
    let values = r#"{"a":"rhumb-secret:1"}"#.to_owned();
    question.ask = Ask::Transform { chart, values, evidence: "{}".into() };
    let decision = sandbox.decide(&question);
    let Ok(Answer::Transformation(found)) = decision.answer else { panic!("{decision:?}") };
    assert_eq!(format!("{:?}", found.operations[0].change), r#"MoveFrom("/a")"#);
    assert_eq!(found.warnings[0].code, "no-sizing");
}

#[test]
fn what_is_no_policy_is_refused_in_the_words_of_what_it_is() {
    assert_eq!(refused(b"(component)"), "this is text, not a WebAssembly component in its binary form");
    assert_eq!(refused(b""), "this is not WebAssembly");
    assert_eq!(refused(b"\x7fELF\xff"), "this is not WebAssembly");
    assert!(refused(b"\0asm\x01\0\0\0").starts_with("this is a core WebAssembly module, not a component"));
    assert!(refused(&vec![0; 100 << 20]).starts_with("component of 104857600 bytes is too large"));
    assert!(refused(b"\0asm\x0d\0\x01\0rubbish").starts_with("component is invalid"));
    assert!(
        refused(b"\0asm\x0d\0\x01\0")
            .starts_with("component is for another world: it exports nothing; a policy exports")
    );
    // The same policy, for a contract that is not spoken here yet.
    let later = replaced(guests::component("glob"), b"policy/image-filter@0.1.0", b"policy/image-filter@0.9.0");
    let text = refused(&later);
    assert!(text.starts_with("component is for another world: it exports "), "{text}");
    assert!(text.contains("rhumb:policy/image-filter@0.9.0"), "{text}");
    let mut cut = guests::component("glob").to_vec();
    cut.truncate(cut.len() / 2);
    assert!(refused(&cut).starts_with("component is invalid"));
}

/// The bytes with every occurrence of a text replaced by another of the same length.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let places: Vec<usize> =
        bytes.windows(from.len()).enumerate().filter(|(_, window)| *window == from).map(|(at, _)| at).collect();
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    bytes
}

#[test]
fn a_description_that_differs_from_the_code_is_refused() {
    let mut bytes = guests::component("semver").to_vec();
    // The section comes last; before it the code holds the words, and more than once.
    let sought = br#""summary":"The highest"#;
    let at = bytes.windows(sought.len()).rposition(|window| window == sought).unwrap();
    bytes[at + sought.len() - 1] = b'T';
    let error = sandbox().load(&bytes).unwrap_err();
    assert!(matches!(error, LoadError::LyingDescription), "{error}");
}

#[test]
fn policies_of_a_folder_are_loaded_when_they_are_attached_and_anew_when_they_change() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("glob.wasm", guests::component("glob"));
    write("bad.wasm", b"(module)");
    write("never.wasm", b"(module)");
    let (sandbox, library) = (sandbox(), Library::open(folder.path()).unwrap());
    let attach = |names: &[&str]| {
        let names = names.iter().map(|name| PolicyName::new(*name)).collect();
        let (known, refused) = library.attach(&sandbox, &names);
        let known = known.into_iter().map(|(name, policy)| (name.to_string(), policy)).collect::<Vec<_>>();
        (known, refused.iter().map(ToString::to_string).collect::<Vec<String>>())
    };
    // Nobody attaches `never`, so nobody hears of it; nor is a name a way out of the folder.
    let (known, refused) = attach(&["glob", "bad", "gone", "../glob", ""]);
    let [(name, glob)] = known.as_slice() else { panic!("{known:?}") };
    assert!(name == "glob" && glob.wants_metadata && glob.evidence.is_empty());
    assert!(matches!(refused.as_slice(), [bad] if bad.contains("bad.wasm")), "{refused:?}");
    // What was said is not said again.
    assert_eq!(attach(&["glob", "bad"]), (known.clone(), Vec::new()));

    // The last good one serves while another is refused or missing, and a new good one is taken at once.
    write("glob.wasm", b"broken");
    let (served, refused) = attach(&["glob"]);
    assert_eq!((&served, refused.len()), (&known, 1));
    std::fs::remove_file(folder.path().join("glob.wasm")).unwrap();
    assert_eq!(attach(&["glob"]), (known.clone(), Vec::new()));
    write("glob.wasm", guests::component("semver"));
    let (swapped, refused) = attach(&["glob"]);
    assert!(swapped[0].1.component != known[0].1.component && refused.is_empty(), "{refused:?}");
}

/// A component that imports one interface with one function, byte by byte.
fn importing(interface: &str) -> Vec<u8> {
    let name = |text: &str| [&[0, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let section = |id: u8, body: Vec<u8>| [vec![id, u8::try_from(body.len()).unwrap()], body].concat();
    // One type: an instance of a function without parameters and results, exported as `f`.
    let types = [vec![1, 0x42, 2, 1, 0x40, 0, 1, 0, 4], name("f"), vec![1, 0]].concat();
    let imports = [vec![1], name(interface), vec![5, 0]].concat();
    [b"\0asm\x0d\0\x01\0".to_vec(), section(7, types), section(10, imports)].concat()
}

#[test]
fn imports_are_refused_before_anything_is_compiled() {
    let wasi = refused(&importing("wasi:cli/environment@0.2.0"));
    assert!(
        wasi.starts_with("component imports `wasi:cli/environment@0.2.0`: policies get no WASI; build for"),
        "{wasi}"
    );
    let other = refused(&importing("example:net/fetch@0.1.0"));
    assert!(other.starts_with("component imports `example:net/fetch@0.1.0`, which nobody granted"), "{other}");
    let later = refused(&importing("rhumb:policy/lookup@0.1.1"));
    let words = "component imports `rhumb:policy/lookup@0.1.1`, which this host does not offer";
    assert!(later.starts_with(words) && later.contains("use a newer Rhumb"), "{later}");
}

/// A shipped policy as one that was built for another version of the contract: its names say so everywhere.
fn built_for(version: &str) -> Vec<u8> {
    let (from, to) = (b"@0.1.0", format!("@{version}"));
    assert_eq!(from.len(), to.len(), "lengths are written before names");
    let mut bytes = guests::component("glob").to_vec();
    while let Some(at) = bytes.windows(from.len()).position(|window| window == from) {
        bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
    }
    bytes
}

#[test]
fn a_policy_of_a_later_patch_of_the_contract_decides_and_one_of_another_minor_is_refused() {
    let sandbox = sandbox();
    let ours = sandbox.load(guests::component("glob")).unwrap();
    let later = sandbox.load(&built_for("0.1.7")).unwrap();
    assert_eq!(later.describe.contract, "rhumb:policy@0.1.7");
    let decide = |digest| sandbox.decide(&question(digest, r#"{"pattern":"0.1.*"}"#, 3));
    assert!(decide(&later.digest).answer.is_ok());
    assert_eq!(decide(&later.digest), decide(&ours.digest));
    let refused = refused(&built_for("0.2.0"));
    let words = "component was built for `rhumb:policy@0.2.0`, and this host speaks `rhumb:policy@0.1.0`: use a Rhumb";
    assert!(refused.starts_with(words), "{refused}");
}
