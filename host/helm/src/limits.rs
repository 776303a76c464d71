//! What a chart may cost.

use serde_json::Value;

/// Bounds with their defaults, and how much of each was taken, from one list.
macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident: $kind:ty = $default:expr,)*) => {
        /// Bounds on charts and their rendering. Each is named by the error that it causes; the README has them in a table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Limits {
            $($(#[$doc])* pub $name: $kind,)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        /// What loading and rendering took of each bound of [`Limits`]; nought where it was not looked at.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Usage {
            $(
                #[doc = concat!("Of [`Limits::", stringify!($name), "`].")]
                pub $name: u64,
            )*
        }

        impl Usage {
            /// The greater of both, bound by bound.
            #[must_use]
            pub fn most(self, other: Self) -> Self {
                Self { $($name: self.$name.max(other.$name),)* }
            }

            /// Name, what was taken, and the default of each bound, in the order of [`Limits`].
            pub fn rows(&self) -> Vec<(&'static str, u64, u64)> {
                let limits = Limits::default();
                vec![$((stringify!($name), self.$name, count(limits.$name)),)*]
            }
        }
    };
}

limits! {
    /// Bytes of an archive as downloaded.
    archive_bytes: usize = 20 << 20,
    /// Bytes of all files of a chart, unpacked, sub-charts included.
    chart_bytes: usize = 100 << 20,
    /// Bytes of one file of a chart.
    file_bytes: usize = 5 << 20,
    /// Files of a chart, sub-charts included.
    entries: usize = 10_000,
    /// Bytes of the path of a file.
    path_bytes: usize = 4_096,
    /// Patterns of `.helmignore`.
    ignore_patterns: usize = 1_000,
    /// How deep sub-charts may nest.
    chart_depth: usize = 10,
    /// The chart and its sub-charts, each as often as it stands under a name of its own.
    charts: usize = 1_000,
    /// Bytes of the values of one chart, and of the values of a release.
    values_bytes: usize = 10 << 20,
    /// Levels of the values of a release.
    values_depth: usize = 200,
    /// Values in the YAML of a chart's own files, and in all objects that it renders to, once aliases are expanded.
    yaml_nodes: usize = 1_000_000,
    /// Blocks, parentheses and `else if` in one another in a template; no more than the default.
    template_nesting: usize = NESTING,
    /// Evaluations in all templates of one rendering.
    template_steps: u64 = 20_000_000,
    /// Evaluations inside one another, whatever they are. The stack that renders is made for so many.
    evaluation_depth: usize = 12_000,
    /// Templates that include one another.
    include_depth: usize = 500,
    /// What `range` takes of a number.
    range_items: usize = 1_000_000,
    /// Bytes that all templates of one rendering print, and of one text that a function makes; no more than the default.
    output_bytes: usize = TEXT_BYTES,
    /// Bytes of one regular expression once it is compiled.
    regex_bytes: usize = 1 << 20,
    /// RSA keys of 2,048 bits that one rendering makes; one of 4,096 bits counts as eight.
    rsa_keys: usize = 64,
    /// Passwords that one rendering hashes (`bcrypt`, `htpasswd`, `derivePassword`).
    password_hashes: usize = 64,
}

/// What the parser stops at; what it gave is shared by renderings of other limits.
pub(crate) const NESTING: usize = 500;

/// Where printing a value ends. The text that comes out is over every [`Limits::output_bytes`], and refused.
pub(crate) const TEXT_BYTES: usize = 64 << 20;
/// How deep a value may nest that is converted, printed or compared: `set` can make a map hold itself.
pub(crate) const VALUE_DEPTH: usize = 500;
/// How many values one may hold that is converted or formatted, each as often as it is in it.
pub(crate) const VALUE_NODES: usize = 1_000_000;

/// What a number of things is in [`Usage`].
pub(crate) fn count<N: TryInto<u64>>(number: N) -> u64 {
    number.try_into().unwrap_or(u64::MAX)
}

/// What ends a message such as `templates take more steps`.
pub(crate) fn than(name: &str, most: impl std::fmt::Display) -> String {
    format!("than the limit `{name}` of {most} allows")
}

/// How many values a value is, in what [`Limits::yaml_nodes`] counts.
pub(crate) fn nodes_of(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(nodes_of).sum(),
        Value::Object(object) => object.values().map(nodes_of).sum(),
        _ => 0,
    }
}
