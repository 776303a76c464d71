//! Hostile guests: each is stopped by the limit that is meant for it, and its neighbour does not notice.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests fail by panicking")]

mod component;
#[path = "../questions/mod.rs"]
mod questions;

use std::collections::BTreeMap;
use std::path::PathBuf;

use rhumb_core::judge::{Answer, Outcome};
use rhumb_policy::{Isolation, Options, Program, Sandbox};

use component::{GOOD, Guest};
use questions::question;

/// Calls `$answer`.
fn answer(outcome: u32, payload: i64, code: u32, (message, length): (u32, u32), (list, count): (u32, u32)) -> String {
    format!(
        "(call $answer (i32.const {outcome}) (i64.const {payload}) (i32.const {code}) (i32.const {message}) \
         (i32.const {length}) (i32.const {list}) (i32.const {count}))"
    )
}

/// Guests that load, the code of the failure of each, and words in it.
fn deciding() -> Vec<(&'static str, Guest, &'static str, &'static str)> {
    let text = Guest::selecting;
    let grown = |select: String| text(&format!("(drop (memory.grow (i32.const 900))) {select}"));
    vec![
        ("endless loop", text("(loop (br 0)) unreachable"), "out-of-fuel", "used up its fuel"),
        ("recursion", text("(call $select (local.get 0))"), "trap", "call stack exhausted"),
        ("recursion by tail calls", text("(return_call $select (local.get 0))"), "out-of-fuel", "fuel"),
        (
            "memory growth",
            text("(loop (br_if 0 (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable"),
            "trap",
            "unreachable",
        ),
        (
            "table growth",
            Guest {
                items: "(table $t 1 funcref)".into(),
                ..text(
                    "(loop (br_if 0 (i32.ne (table.grow $t (ref.null func) (i32.const 100)) (i32.const -1)))) unreachable",
                )
            },
            "trap",
            "unreachable",
        ),
        (
            "copies of its whole memory",
            grown(
                "(loop (memory.copy (i32.const 65536) (i32.const 131072) (i32.const 50000000)) (br 0)) unreachable"
                    .into(),
            ),
            "out-of-fuel",
            "fuel",
        ),
        ("unreachable", text("unreachable"), "trap", "unreachable"),
        ("division by zero", text("(i32.div_u (i32.const 1) (i32.const 0))"), "trap", "divide by zero"),
        ("overflow", text("(i32.div_s (i32.const -2147483648) (i32.const -1))"), "trap", "integer overflow"),
        ("no number", text("(i32.trunc_f32_s (f32.const nan))"), "trap", "invalid conversion to integer"),
        ("load out of bounds", text("(i32.load (i32.const -4))"), "trap", "out of bounds memory access"),
        (
            "null function",
            Guest { items: "(table 1 funcref)".into(), ..text("(call_indirect (result i32) (i32.const 0))") },
            "trap",
            "uninitialized element",
        ),
        (
            "function of another type",
            Guest {
                items: "(table 1 funcref)(elem (i32.const 0) $select)".into(),
                ..text("(call_indirect (result i32) (i32.const 0))")
            },
            "trap",
            "indirect call type mismatch",
        ),
        ("tag that was not offered", text(&answer(0, 7, 2, (0, 0), (0, 0))), "bad-output", "picked tag number 7"),
        ("index of all ones", text(&answer(0, 0xffff_ffff, 2, (0, 0), (0, 0))), "bad-output", "4294967295"),
        ("hold until the past", text(&answer(3, 1, 2, (0, 0), (0, 0))), "bad-output", "not later than now"),
        ("hold for ever", text(&answer(3, i64::MAX, 2, (0, 0), (0, 0))), "bad-output", "not later than now"),
        ("outcome that does not exist", text(&answer(9, 0, 2, (0, 0), (0, 0))), "bad-output", "discriminant"),
        ("reason without a code", text(&answer(0, 0, 0, (0, 0), (0, 0))), "bad-output", "is not declared"),
        ("undeclared reason", text(&answer(0, 0, 1, (0, 0), (0, 0))), "bad-output", "`o` is not declared"),
        ("message that is not UTF-8", text(&answer(0, 0, 2, (514, 2), (0, 0))), "bad-output", "utf-8"),
        ("message beyond its memory", text(&answer(0, 0, 2, (65000, 65000), (0, 0))), "bad-output", "out of bounds"),
        ("message of 3 KB", text(&answer(0, 0, 2, (2048, 3000), (0, 0))), "bad-output", "allowed are 2048"),
        ("message of 50 MB", grown(answer(0, 0, 2, (65536, 50_000_000), (0, 0))), "bad-output", ""),
        ("a million reasons", grown(answer(0, 0, 2, (0, 0), (65536, 1_000_000))), "bad-output", ""),
        ("101 reasons", text(&answer(0, 0, 2, (0, 0), (20000, 101))), "bad-output", "101 tags in `considered`"),
        ("one tag twice", text(&answer(0, 0, 2, (0, 0), (20000, 2))), "bad-output", ""),
        ("list that is not aligned", text(&answer(0, 0, 2, (0, 0), (20001, 1))), "bad-output", "aligned"),
        ("list beyond its memory", text(&answer(0, 0, 2, (0, 0), (65532, 100))), "bad-output", "out of bounds"),
        ("result that is not aligned", text("(i32.const 1025)"), "bad-output", "aligned"),
        ("result beyond its memory", text("(i32.const -8)"), "bad-output", "out of bounds"),
    ]
}

/// Guests that are refused when they are loaded, and words in the reason.
fn refused() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let with = |items: String| Guest::with(&items).component();
    let labels = "i32 ".repeat(100);
    let values = "i32.const 0 ".repeat(100);
    let table = "0 ".repeat(300);
    let lie = Guest { lie: Some(r#"{"name":"lamb"}"#.to_owned()), ..Guest::selecting(GOOD) };
    let start = |body: &str| with(format!("(func $start {body}) (start $start)"));
    vec![
        ("lies about itself", lie.component(), "describes itself otherwise"),
        ("never starts", start("(loop (br 0))"), "fuel"),
        ("traps at its start", start("unreachable"), "unreachable"),
        (
            "asks for 100 MB",
            Guest { pages: 1600, ..Guest::selecting(GOOD) }.component(),
            "bytes of memory at its start",
        ),
        ("asks for a large table", with("(table 20000 funcref)".into()), "table"),
        ("20,000 loops", with(format!("(func {})", "(loop)".repeat(20_000))), "loops, allowed are 2000"),
        (
            "loops that carry many variables",
            with(format!("(func (local {}) {})", "i32 ".repeat(1000), "(loop)".repeat(1000))),
            "loops times local variables",
        ),
        (
            "branch table of wide labels",
            with(format!("(func (block (result {labels}) {values} i32.const 0 br_table {table}) unreachable)")),
            "values carried by branches",
        ),
        ("50,000 functions", with("(func)".repeat(50_000)), "functions, allowed are 20000"),
        ("one large function", with(format!("(func {})", "nop ".repeat(200_000))), "bytes, allowed are 131072"),
        (
            "20,000 nested blocks",
            with(format!("(func {}{})", "block ".repeat(20_000), "end ".repeat(20_000))),
            "blocks",
        ),
        ("vectors", with("(func (drop (v128.const i32x4 0 0 0 0)))".into()), "SIMD"),
        ("shared memory", b"\0asm\x01\0\0\0\x05\x04\x01\x03\x01\x01".to_vec(), "core WebAssembly module"),
        ("machine code", precompiled(), "precompiled machine code"),
    ]
}

/// What the engine's own compiler makes of a good guest.
fn precompiled() -> Vec<u8> {
    let engine = wasmtime::Engine::default();
    engine.precompile_component(&Guest::selecting(GOOD).component()).unwrap()
}

fn sandboxes() -> [Sandbox; 2] {
    let worker = Program::at(PathBuf::from(env!("CARGO_BIN_EXE_rhumb-policy-worker")));
    let apart = Options { isolation: Isolation::Process(worker), ..Options::default() };
    [Sandbox::new(Options::default()).unwrap(), Sandbox::new(apart).unwrap()]
}

#[test]
fn each_is_stopped_by_its_limit_and_its_neighbour_decides_as_ever() {
    for sandbox in sandboxes() {
        let good = sandbox.load(&Guest::selecting(GOOD).component()).unwrap().digest;
        let good = question(&good, "{}", 2);
        let undisturbed = sandbox.decide(&good);
        assert!(matches!(&undisturbed.answer, Ok(Answer::Selection(found)) if found.outcome == Outcome::Pick(0)));
        for (name, guest, code, words) in deciding() {
            let hostile = sandbox.load(&guest.component()).unwrap_or_else(|error| panic!("{name}: {error:?}"));
            let hostile = question(&hostile.digest, "{}", 2);
            let asked = BTreeMap::from([(0, good.clone()), (1, hostile.clone()), (2, good.clone()), (3, hostile)]);
            let decided = sandbox.judge(asked);
            for place in [1, 3] {
                let failure = decided[&place].1.answer.as_ref().expect_err(name);
                assert_eq!(failure.code(), code, "{name}: {failure}");
                assert!(failure.to_string().contains(words), "{name}: {failure}");
            }
            assert_eq!(decided[&0].1, undisturbed, "beside {name}");
            assert_eq!(decided[&2].1, undisturbed, "beside {name}");
        }
    }
}

#[test]
fn what_is_refused_is_refused_before_it_decides_anything() {
    let [sandbox, _] = sandboxes();
    for (name, bytes, words) in refused() {
        let error = sandbox.load(&bytes).expect_err(name);
        let error = rhumb_core::chain::chain(&error);
        assert!(error.contains(words), "{name}: {error}");
    }
}

#[test]
fn what_a_guest_keeps_is_gone_with_its_instance() {
    // It counts its calls and answers by them: pick, keep, none.
    let counting = Guest {
        items: "(global $calls (mut i32) (i32.const 0))".into(),
        ..Guest::selecting(
            "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
             (call $answer (i32.sub (global.get $calls) (i32.const 1)) (i64.const 0) (i32.const 2) (i32.const 0)
               (i32.const 0) (i32.const 0) (i32.const 0))",
        )
    };
    let [sandbox, _] = sandboxes();
    let counting = question(&sandbox.load(&counting.component()).unwrap().digest, "{}", 2);
    let first = sandbox.decide(&counting);
    assert!(first.answer.is_ok(), "{first:?}");
    for _ in 0..1000 {
        assert_eq!(sandbox.decide(&counting), first);
    }
}

/// Calls of a guest that leaks all that it may in each; `RHUMB_SOAK` makes it 100,000.
#[test]
fn what_a_guest_leaks_is_gone_with_its_instance() {
    let leaking = Guest::selecting(&format!("(drop (memory.grow (i32.const 100))) {GOOD}"));
    let resident = || -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    let calls = if std::env::var_os("RHUMB_SOAK").is_some() { 100_000 } else { 5_000 };
    let [sandbox, _] = sandboxes();
    let leaking = question(&sandbox.load(&leaking.component()).unwrap().digest, "{}", 2);
    let decide = |count: usize| (0..count).for_each(|_| assert!(sandbox.decide(&leaking).answer.is_ok()));
    decide(500);
    let before = resident();
    decide(calls);
    let grown = resident().saturating_sub(before);
    assert!(grown < 16 * 1024, "{grown} KiB more after {calls} calls that leak 6 MiB each");
}
