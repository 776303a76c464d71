//! Each limit of the scan: what is at it passes, what is above it is refused by its name.

use super::scan::{
    BODY_BYTES, BRANCH_VALUES, DEPTH, ELEMENTS, FUNCTIONS, GLOBALS, LOCALS, LOOP_LOCALS, LOOPS, MODULES, NAMES,
    NESTING, PARTS, SEGMENTS, TYPE_VALUES, TYPES,
};
use super::walk;

/// What the scan says to this text, with `(n)` of something in place of `{}`.
fn scanned(text: &str) -> String {
    let bytes = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
    walk(&bytes).err().map(|error| error.to_string()).unwrap_or_default()
}

/// Asserts that a module with `limit` of something passes and one with more is refused.
fn limits(what: &str, limit: usize, module: impl Fn(usize) -> String) {
    assert_eq!(scanned(&module(limit)), "", "{limit} {what} are allowed");
    let text = scanned(&module(limit + 1));
    assert!(text.ends_with(&format!("{} {what}, allowed are {limit}", limit + 1)), "{text}");
}

fn module(body: &str) -> String {
    format!("(module {body})")
}

fn component(body: &str) -> String {
    format!("(component {body})")
}

fn function(body: &str) -> String {
    module(&format!("(func {body})"))
}

#[test]
fn functions_are_bounded_in_number_and_in_shape() {
    limits("functions", FUNCTIONS, |n| module(&"(func)".repeat(n)));
    // Size and end are not written as the text has them: 3 bytes are around the instructions.
    limits("bytes", BODY_BYTES, |n| function(&"nop ".repeat(n - 2)));
    limits("loops", LOOPS, |n| function(&"(loop)".repeat(n)));
    limits("local variables", LOCALS, |n| function(&format!("(local {})", "i32 ".repeat(n))));
    limits("blocks within blocks", NESTING, |n| function(&format!("{}{}", "block ".repeat(n), "end ".repeat(n))));
}

#[test]
fn loops_that_carry_many_variables_are_refused_though_each_alone_is_allowed() {
    let text = |loops: usize| function(&format!("(local {}) {}", "i32 ".repeat(LOCALS), "(loop)".repeat(loops)));
    assert_eq!(scanned(&text(LOOP_LOCALS / LOCALS)), "");
    let refused = scanned(&text(LOOP_LOCALS / LOCALS + 1));
    assert!(refused.ends_with("405000 loops times local variables, allowed are 400000"), "{refused}");
}

#[test]
fn branches_are_counted_by_the_values_they_carry() {
    limits("values carried by branches", BRANCH_VALUES, |n| {
        function(&format!("block i32.const 0 br_table {} end", "0 ".repeat(n)))
    });
    let (params, values) = ("i32 ".repeat(100), "i32.const 0 ".repeat(100));
    // 100 values for each of the targets.
    let table = |targets: usize| {
        let table = "0 ".repeat(targets);
        function(&format!("(block (result {params}) {values} i32.const 0 br_table {table}) unreachable"))
    };
    assert_eq!(scanned(&table(BRANCH_VALUES / 100)), "");
    assert!(scanned(&table(BRANCH_VALUES / 100 + 1)).contains("values carried by branches"));
    // A branch to a loop carries what the loop takes, not what it gives.
    let looped = |branches: usize| {
        let branch = format!("{values} br 0 ");
        function(&format!("{values} (loop (param {params}) {}) ", branch.repeat(branches)))
    };
    assert_eq!(scanned(&looped(BRANCH_VALUES / 100)), "");
    assert!(scanned(&looped(BRANCH_VALUES / 100 + 1)).contains("values carried by branches"));
}

#[test]
fn everything_else_of_a_module_is_bounded_in_number() {
    limits("types", TYPES, |n| module(&"(type (func))".repeat(n)));
    limits("parameters or results of a type", TYPE_VALUES, |n| {
        module(&format!("(type (func (param {})))", "i32 ".repeat(n)))
    });
    limits("globals", GLOBALS, |n| module(&"(global i32 (i32.const 0))".repeat(n)));
    limits("segments", SEGMENTS, |n| module(&format!("(memory 0){}", "(data \"\")".repeat(n))));
    limits("items of element segments", ELEMENTS, |n| {
        module(&format!("(func $f)(table 0 funcref)(elem func {})", "$f ".repeat(n)))
    });
    limits("imports and exports", NAMES, |n| {
        let exports: String = (0..n).map(|i| format!("(export \"{i}\" (global 0))")).collect();
        module(&format!("(global i32 (i32.const 0)){exports}"))
    });
}

#[test]
fn components_are_bounded_in_what_they_hold() {
    limits("modules and components", MODULES, |n| component(&"(core module)".repeat(n - 1)));
    limits("components within components", DEPTH, |n| "(component ".repeat(n) + &")".repeat(n));
    limits("types", TYPES, |n| component(&"(type string)".repeat(n)));
    limits("parts", PARTS, |n| component(&format!("(core module $m){}", "(core instance (instantiate $m))".repeat(n))));
}
