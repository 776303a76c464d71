//! The functions that are called, and what fits their arguments.
//!
//! What draws random numbers, reads the clock or the network, or takes long is left out, and so are `keys` and `values`,
//! whose order is random in Go.

use std::sync::LazyLock;

/// A function, an argument each, `=`, the result: letters of [`Kind`], after `*` for up to three of them and after `?` for
/// one or none.
const SIGNATURES: &str = include_str!("signatures.txt");

/// What an expression is expected to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Any,
    Text,
    Int,
    /// A small integer: what repeats, indents and counts takes it.
    Count,
    Number,
    Float,
    Bool,
    List,
    Map,
    Key,
    Time,
    /// A time, or a number of seconds, and never anything else: for all the rest Go takes the clock.
    Moment,
    Regex,
    Replacement,
    Version,
    Constraint,
    Layout,
    Date,
    Zone,
    Duration,
    Url,
    UrlParts,
    Path,
    Json,
    Yaml,
    Toml,
    Base64,
    TypeName,
    Template,
}

/// How often an argument stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {
    Once,
    Optional,
    UpToThree,
}

/// One function.
#[derive(Clone, Debug)]
pub(crate) struct Signature {
    pub(crate) name: &'static str,
    pub(crate) arguments: Vec<(Kind, Times)>,
    pub(crate) result: Kind,
}

/// All functions, in the order of the file.
pub(crate) static ALL: LazyLock<Vec<Signature>> = LazyLock::new(|| SIGNATURES.lines().map(signature).collect());

/// Those whose result can stand where this is wanted.
pub(crate) fn giving(kind: Kind) -> Vec<&'static Signature> {
    ALL.iter().filter(|signature| fits(signature.result, kind)).collect()
}

fn fits(result: Kind, wanted: Kind) -> bool {
    match wanted {
        Kind::Any => true,
        Kind::Number => matches!(result, Kind::Number | Kind::Float | Kind::Int),
        other => result == other,
    }
}

fn signature(line: &'static str) -> Signature {
    let mut words = line.split(' ');
    let name = words.next().unwrap_or_default();
    let mut kinds = words.filter(|word| *word != "=").map(|word| match word.split_at(word.len() - 1) {
        ("*", letter) => (kind(letter), Times::UpToThree),
        ("?", letter) => (kind(letter), Times::Optional),
        (_, letter) => (kind(letter), Times::Once),
    });
    let mut arguments: Vec<(Kind, Times)> = kinds.by_ref().collect();
    let result = arguments.pop().map_or(Kind::Any, |(kind, _)| kind);
    Signature { name, arguments, result }
}

fn kind(letter: &str) -> Kind {
    match letter {
        "s" => Kind::Text,
        "i" => Kind::Int,
        "c" => Kind::Count,
        "n" => Kind::Number,
        "f" => Kind::Float,
        "b" => Kind::Bool,
        "l" => Kind::List,
        "m" => Kind::Map,
        "k" => Kind::Key,
        "t" => Kind::Time,
        "T" => Kind::Moment,
        "r" => Kind::Regex,
        "R" => Kind::Replacement,
        "v" => Kind::Version,
        "q" => Kind::Constraint,
        "y" => Kind::Layout,
        "d" => Kind::Date,
        "z" => Kind::Zone,
        "D" => Kind::Duration,
        "u" => Kind::Url,
        "U" => Kind::UrlParts,
        "p" => Kind::Path,
        "j" => Kind::Json,
        "Y" => Kind::Yaml,
        "o" => Kind::Toml,
        "6" => Kind::Base64,
        "K" => Kind::TypeName,
        "x" => Kind::Template,
        _ => Kind::Any,
    }
}
