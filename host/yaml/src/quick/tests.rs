//! Where the quick reader answers, it answers as the other one.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::{json, parse};

/// How many mutations are tried of all files together; a search sets more.
const MUTATIONS: &str = "RHUMB_YAML_MUTATIONS";
/// Folders beside the repository, separated like those of `PATH`, whose YAML is read too.
const FOLDERS: &str = "RHUMB_YAML_FOLDERS";
const HEAD: [&str; 3] = ["kind", "metadata", "1"];

/// Compares all that is read of a text, and tells whether the quick reader took it.
fn same(text: &str, limits: &Limits) -> Result<bool, String> {
    let body = parse::body(text);
    let trees = documents(text, body, limits).ok();
    if let Some(quick) = &trees {
        match parse::thorough(text, limits) {
            Ok(thorough) if thorough == *quick => {}
            other => return Err(format!("of {text:?}\nquick: {quick:#?}\nother: {other:#?}")),
        }
    }
    // As texts, since the order of keys matters too.
    let printed = |value: &Value| value.to_string();
    let value = first_part(body, limits, Wanted::All).ok().map(|part| part.value);
    if let Some(quick) = &value {
        match json::thorough_value(text, limits) {
            Ok(thorough) if printed(&thorough) == printed(quick) => {}
            other => return Err(format!("of {text:?}\nquick: {quick}\nother: {other:?}")),
        }
    }
    let part = first_part(body, limits, Wanted::Keys(&HEAD)).ok().map(|part| part.value);
    match (part, value) {
        (Some(part), Some(mut whole)) => {
            if let Value::Object(object) = &mut whole {
                object.retain(|key, _| HEAD.contains(&key.as_str()));
            }
            if printed(&part) != printed(&whole) {
                return Err(format!("of {text:?}\npart: {part}\nwhole: {whole}"));
            }
        }
        (None, None) => {}
        (part, whole) => return Err(format!("of {text:?}\npart: {part:?}\nwhole: {whole:?}")),
    }
    Ok(trees.is_some())
}

/// All YAML of the repository.
fn files() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut pending = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")];
    pending.extend(std::env::var_os(FOLDERS).iter().flat_map(std::env::split_paths));
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() {
                if !name.starts_with('.') && name != "target" {
                    pending.push(path);
                }
            } else if [".yaml", ".yml", ".lock"].iter().any(|end| name.ends_with(end))
                && let Ok(text) = std::fs::read_to_string(&path)
            {
                files.push((path, text));
            }
        }
    }
    files.sort();
    files
}

#[test]
fn reads_the_files_of_the_repository_as_the_other_reader() {
    let files = files();
    assert!(files.len() > 50);
    let mut taken = 0;
    for (path, text) in &files {
        let quick = same(text, &Limits::default()).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()));
        // Templates and files with mistakes are among them.
        let is_yaml = parse::thorough(text, &Limits::default()).is_ok();
        taken += usize::from(quick || !is_yaml);
    }
    assert!(taken * 10 > files.len() * 8, "only {taken} of {} files are read quickly", files.len());
}

/// A small source of numbers, the same on each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % most.max(1)
    }

    fn pick<'t, T: ?Sized>(&mut self, of: &[&'t T]) -> &'t T {
        of[self.below(of.len())]
    }
}

const PIECES: [&str; 72] = [
    "a",
    "b",
    "kind",
    "1",
    "-1",
    "~",
    ".nan",
    "true",
    "y",
    "<<",
    "é",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    ": ",
    ":",
    ":\n",
    "- ",
    "-",
    "-\n",
    "---\n",
    "--- ",
    "---",
    "...\n",
    "...",
    "\n",
    "\n\n",
    " \n",
    "  ",
    " ",
    "    ",
    "\t",
    "# c\n",
    " # c\n",
    "#",
    "'",
    "''",
    "\"",
    "\\",
    "\\n",
    "\\\"",
    "\\u00e9",
    "\\x41",
    "|",
    "|\n",
    "|-\n",
    "|+\n",
    ">\n",
    ">-\n",
    "> # c\n",
    "|2\n",
    "[",
    "]",
    "{",
    "}",
    "[]",
    "{}",
    ", ",
    ",",
    "? ",
    "?",
    "&x ",
    "*x",
    "!t ",
    "!!str ",
    "%",
    "@",
    "`",
    "=",
    "\r\n",
    "0x10: ",
    "18446744073709551615: ",
];

/// Changes a part of a text in one of many ways.
fn mutate(text: &str, dice: &mut Dice) -> String {
    let mut changed: String = {
        // Some lines of a file are enough, and make many trials cheap.
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let from = dice.below(lines.len());
        lines.iter().skip(from).take(1 + dice.below(12)).copied().collect()
    };
    for _ in 0..=dice.below(3) {
        let places: Vec<usize> = changed.char_indices().map(|(at, _)| at).chain([changed.len()]).collect();
        let at = places[dice.below(places.len())];
        let to = *places.iter().find(|place| **place >= at + dice.below(6)).unwrap_or(&changed.len());
        match dice.below(5) {
            0 => changed.replace_range(at..to, ""),
            1 => changed.truncate(at),
            2 => changed.replace_range(at..to, dice.pick(&PIECES)),
            3 => {
                let line = changed.split_inclusive('\n').nth(dice.below(12)).unwrap_or("x: y\n").to_owned();
                let start = changed[..at].rfind('\n').map_or(0, |line| line + 1);
                changed.insert_str(start, &format!("{}{line}", " ".repeat(dice.below(4))));
            }
            _ => changed.insert_str(at, dice.pick(&PIECES)),
        }
    }
    changed
}

#[test]
fn reads_changed_files_as_the_other_reader() {
    let most = std::env::var(MUTATIONS).ok().and_then(|most| most.parse().ok()).unwrap_or(20_000);
    let files = files();
    let mut dice = Dice(0x05ee_d0fc_a11a_b1e5);
    let mut taken = 0;
    for round in 0..most {
        let text = mutate(&files[dice.below(files.len())].1, &mut dice);
        let limits = match round % 8 {
            0 => Limits { bytes: 200, depth: 1 + dice.below(4), nodes: 1 + dice.below(12) },
            _ => Limits::default(),
        };
        taken += usize::from(same(&text, &limits).unwrap_or_else(|problem| panic!("{problem}")));
    }
    assert!(taken * 8 > most, "only {taken} of {most} are read quickly");
}

#[test]
fn reads_texts_of_pieces_as_the_other_reader() {
    let most = std::env::var(MUTATIONS).ok().and_then(|most| most.parse().ok()).unwrap_or(20_000);
    let mut dice = Dice(0x0dec_ade0_fc0d_e000);
    for _ in 0..most {
        let text: String = (0..dice.below(14)).map(|_| dice.pick(&PIECES)).collect();
        same(&text, &Limits::default()).unwrap_or_else(|problem| panic!("{problem}"));
    }
}

proptest! {
    #[test]
    fn reads_lines_as_the_other_reader(
        lines in prop::collection::vec(
            (0usize..5, "(- )?(- )?((a|b|c|kind|1|'q'|\"d\"|k y):)?( |  |\n)?(v|v w|'s t'|\"d\\\\n\"|[|>][+-]?|[|>]|'s  |t'|\"d|w\"|\\[a, b\\]|\\{a: b\\}|x:y|-v|#c| #c)?( # c| )?"),
            0..10,
        ),
        ended in any::<bool>(),
    ) {
        let mut text: String = lines.iter().map(|(indent, line)| format!("{}{line}\n", " ".repeat(*indent))).collect();
        if !ended {
            text.pop();
        }
        same(&text, &Limits::default()).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn takes_what_charts_and_manifests_are_written_with() {
    for text in [
        "a: 1\nb:\n  c: 'x'\n  d: \"y\\n\"\n",
        "# c\n---\n# c\na:\n- b: 1 # c\n  c: [x, \"y\", {z: 1}]\n- - d\n  - e\n\n---\nf: {}\n",
        "a: |\n  x\n\n   y\nb: >-\n  z\n  w",
        "{\"a\": [1, 2,\n  {\"b\": null}\n]}\n",
        "a:\n    b\nc:\nd: - e\n".trim_end_matches("d: - e\n"),
        "a: b c\n  d\n\n  e: f".trim_end_matches(": f"),
        "a: 'b  \n\n  c'\nd: \"e\\t \n  f\"\n- g".trim_end_matches("- g"),
        "",
        "# nothing\n",
    ] {
        assert_eq!(same(text, &Limits::default()), Ok(true), "{text}");
        let nodes = |part: Part| part.nodes;
        let quick = first_part(text, &Limits::default(), Wanted::Keys(&HEAD)).map(nodes).unwrap();
        let whole = json::thorough_value(text, &Limits::default()).unwrap();
        assert_eq!(quick, json::nodes_of(&whole), "{text}");
    }
}

#[test]
fn nesting_and_size_are_bounded_before_the_other_reader_is_asked() {
    let limits = Limits { bytes: 1 << 20, ..Limits::default() };
    for text in ["- ".repeat(1 << 19), "[".repeat(1 << 20), " ".repeat((1 << 20) + 1)] {
        assert!(documents(&text, &text, &limits).is_err());
        assert!(first_part(&text, &limits, Wanted::Keys(&HEAD)).is_err());
    }
    let limits = Limits { nodes: 3, ..Limits::default() };
    assert!(documents("x: y\n---\n", "x: y\n---\n", &limits).is_err());
    // One more level than a thread's stack is known to hold.
    let deep: String = (0..=DEPTH).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    let limits = Limits { depth: usize::MAX, ..Limits::default() };
    assert!(documents(&deep, &deep, &limits).is_err());
}
