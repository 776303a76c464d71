use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::from_str;

fn says(text: &str) -> String {
    from_str::<Value>(text).map_or_else(|error| error.to_string(), |value| value.to_string())
}

#[test]
fn reads_what_serde_json_reads() {
    for text in [
        "null",
        " true ",
        "[]",
        "{}",
        r#"{"a":[1,-2,3.5,1e3,-0.25,18446744073709551615,-9223372036854775808],"b":{"c":null}}"#,
        r#""plain""#,
        r#""öß \"\\\/\b\f\n\r\t \u00e9 \ud83e\udd80""#,
        "[0, -0.0, 123456789012345, 0.000001, 12345678901234567890123]",
        "\n{ \"a\" :\t[ 1 , 2 ] }\r\n",
        "0.1",
        "72.57",
    ] {
        let theirs: Value = serde_json::from_str(text).unwrap();
        assert_eq!(says(text), theirs.to_string(), "{text}");
    }
}

#[test]
fn refuses_what_is_no_json() {
    for text in [
        "",
        "nul",
        "tru",
        "[",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "\"",
        "\"\\",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"\\ö\"",
        "\"\n\"",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "+1",
        "1e999",
        "1 2",
        "[1 2]",
        "{\"a\" 1}",
        "--1",
        "\u{feff}1",
    ] {
        assert!(serde_json::from_str::<Value>(text).is_err(), "{text}");
        assert!(from_str::<Value>(text).is_err(), "{text} is read as {}", says(text));
    }
    assert!(says(&"[".repeat(1000)).starts_with("nested too deeply"));
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Config {
    name: String,
    #[serde(default)]
    count: u8,
    mode: Option<Mode>,
    #[serde(default)]
    sizes: BTreeMap<String, Vec<f64>>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    OneWay,
    Other,
}

#[test]
fn fills_types_and_says_what_is_wrong() {
    let config: Config = from_str(r#"{"name":"a","count":7,"mode":"one-way","sizes":{"x":[1,2.5]}}"#).unwrap();
    let sizes = BTreeMap::from([("x".to_owned(), vec![1.0, 2.5])]);
    assert_eq!(config, Config { name: "a".to_owned(), count: 7, mode: Some(Mode::OneWay), sizes });
    assert_eq!(from_str::<Config>(r#"{"name":"a","mode":null}"#).unwrap().mode, None);
    let wrong = |text: &str| from_str::<Config>(text).unwrap_err().to_string();
    assert_eq!(wrong("{}"), "`name` is missing (byte 1)");
    assert_eq!(wrong(r#"{"name":1}"#), "wanted a string, got whole number (byte 9)");
    assert_eq!(wrong(r#"{"name":"a","count":256}"#), "wanted u8, got another whole number (byte 23)");
    assert_eq!(wrong(r#"{"nam":"a"}"#), "there is no `nam`, but name, count, mode, sizes (byte 6)");
    assert_eq!(wrong(r#"{"name":"a","mode":"both"}"#), "wanted one of one-way, other, got `both` (byte 25)");
    assert_eq!(wrong(r#"{"name":"a","mode":1}"#), "wanted one of the choices, as a text (byte 19)");
    assert_eq!(wrong(r#"{"name":"a","name":"b"}"#), "`name` is there twice (byte 18)");
}
