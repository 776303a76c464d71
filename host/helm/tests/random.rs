//! Random templates and archives: whatever they hold, the outcome is a rendering or an error, never a panic.

#![allow(clippy::unwrap_used, reason = "a test")]

mod charts;

use charts::{one_template, render_within};
use proptest::prelude::*;
use rhumb_helm::{Chart, Limits};

fn words() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("{{"),
        Just("}}"),
        Just("{{-"),
        Just("-}}"),
        Just(" "),
        Just("\n"),
        Just("("),
        Just(")"),
        Just("|"),
        Just("."),
        Just("$"),
        Just("$x"),
        Just(":="),
        Just("="),
        Just(","),
        Just("if"),
        Just("else"),
        Just("end"),
        Just("range"),
        Just("with"),
        Just("define"),
        Just("\"t\""),
        Just("template"),
        Just("include"),
        Just("block"),
        Just("break"),
        Just("/*"),
        Just("*/"),
        Just("`r`"),
        Just("'c'"),
        Just("1"),
        Just("-2"),
        Just("1.5"),
        Just("0x"),
        Just("nil"),
        Just("true"),
        Just(".Values.a"),
        Just(".Files"),
        Just("list"),
        Just("dict"),
        Just("printf"),
        Just("\"%5.2f%*d%q\""),
        Just("toYaml"),
        Just("trunc"),
        Just("substr"),
        Just("index"),
        Just("slice"),
        Just("tpl"),
        Just("set"),
        Just("merge"),
        Just("until"),
        Just("\"é😀\""),
        Just("\""),
        Just("x: "),
    ];
    prop::collection::vec(word, 0..40).prop_map(|words| words.join(" "))
}

/// Calls of functions with arguments that fit none of them, or all.
fn calls() -> impl Strategy<Value = String> {
    let names: Vec<&'static str> = "abbrev camelcase cat contains hasPrefix indent initials join kebabcase nindent nospace \
        plural print printf repeat replace snakecase split splitList splitn substr swapcase title toStrings trim trimAll \
        trimSuffix trunc untitle wrap wrapWith eq ge gt index le len lt ne coalesce default ternary required lookup \
        deepCopy dict dig get keys merge mergeOverwrite omit pick pluck set unset values append chunk compact concat first \
        has initial last prepend rest reverse seq slice sortAlpha uniq until untilStep without b32dec b32enc b64dec \
        fromJson fromYaml toJson toPrettyJson toYaml add addf atoi ceil div divf float64 int max mod mul round sub \
        toDecimal deepEqual kindIs typeOf adler32sum sha1sum regexFind regexFindAll regexMatch regexReplaceAll regexSplit \
        regexQuoteMeta semver semverCompare randAlphaNum randInt shuffle uuidv4 randBytes date duration htmlDate unixEpoch \
        base clean dir ext urlJoin urlParse urlquery tpl include"
        .split_whitespace()
        .collect();
    let argument = prop_oneof![
        Just("nil"),
        Just("0"),
        Just("-1"),
        Just("3"),
        Just("9223372036854775807"),
        Just("-9223372036854775808"),
        Just("1.5"),
        Just("\"\""),
        Just("\"é😀x\""),
        Just("\"a,b\\n\""),
        Just("\"[\""),
        Just("\"(a*)*$\""),
        Just("true"),
        Just("(list)"),
        Just("(list 1 \"a\" nil)"),
        Just("(dict \"a\" (dict \"b\" 1))"),
        Just("(int64 -1)"),
        Just("(div 1 2)"),
        Just(".Files"),
        Just("$.Capabilities"),
        Just("now"),
        Just("\"1.2.3\""),
        Just("\"%v%d%s\""),
    ];
    (prop::sample::select(names), prop::collection::vec(argument, 0..5))
        .prop_map(|(name, arguments)| format!("a: {{{{ {name} {} | quote }}}}\n", arguments.join(" ")))
}

fn limits() -> Limits {
    Limits { template_steps: 50_000, output_bytes: 1 << 20, ..Limits::default() }
}

fn check(source: &str) {
    if let Err(error) = render_within(one_template(source), "a: {b: [1]}", &limits()) {
        let text = error.to_string();
        assert!(!text.contains("bug of this program"), "{source}: {text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn no_template_makes_the_engine_panic(source in words()) {
        check(&source);
    }

    #[test]
    fn no_call_makes_the_engine_panic(source in calls()) {
        check(&source);
    }

    #[test]
    fn no_archive_makes_the_loader_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gzip, &bytes).unwrap();
        prop_assert!(Chart::from_archive(&gzip.finish().unwrap(), &limits()).is_err());
        prop_assert!(Chart::from_archive(&bytes, &limits()).is_err());
    }
}
