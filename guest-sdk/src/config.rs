//! The schema of a config, known at compile time.

use std::collections::BTreeMap;

/// A type that a policy's config is made of.
///
/// Derive it beside `serde::Deserialize`; doc comments become the descriptions of the JSON Schema:
///
/// ```
/// # use rhumb_guest_sdk::{PolicyConfig, schema_text};
/// #[derive(serde::Deserialize, PolicyConfig)]
/// #[serde(rename_all = "camelCase", deny_unknown_fields)]
/// struct Config {
///     /// How many at least.
///     min_count: u8,
///     #[serde(default)]
///     labels: std::collections::BTreeMap<String, String>,
/// }
///
/// assert_eq!(
///     schema_text::<Config>(),
///     concat!(
///         r#"{"type":"object","additionalProperties":false,"required":["minCount"],"properties":{"#,
///         r#""minCount":{"description":"How many at least.","type":"integer","minimum":0,"maximum":255},"#,
///         r#""labels":{"type":"object","additionalProperties":{"type":"string"}}}}"#,
///     )
/// );
/// ```
pub trait PolicyConfig {
    /// The schema of this type.
    const SCHEMA: Schema;
}

/// The part of JSON Schema that configs need, as a tree that constants can hold.
#[derive(Clone, Copy, Debug)]
pub enum Schema {
    /// Any JSON.
    Any,
    /// `true` or `false`.
    Boolean,
    /// A whole number between two bounds, both included.
    Integer {
        /// The least.
        minimum: i64,
        /// The greatest.
        maximum: u64,
    },
    /// A number.
    Number,
    /// A text.
    String,
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// A list.
    Array(&'static Schema),
    /// An object with any keys.
    Map(&'static Schema),
    /// An object with these keys and no others.
    Object(&'static [Field]),
}

/// One key of an object.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// As written in JSON.
    pub name: &'static str,
    /// For people; may be empty.
    pub about: &'static str,
    /// Whether a config without it is refused.
    pub required: bool,
    /// What stands there.
    pub schema: Schema,
}

macro_rules! plain {
    ($($ty:ty => $schema:expr),* $(,)?) => {
        $(impl PolicyConfig for $ty {
            const SCHEMA: Schema = $schema;
        })*
    };
}

plain! {
    bool => Schema::Boolean,
    u8 => Schema::Integer { minimum: 0, maximum: u8::MAX as u64 },
    u16 => Schema::Integer { minimum: 0, maximum: u16::MAX as u64 },
    u32 => Schema::Integer { minimum: 0, maximum: u32::MAX as u64 },
    u64 => Schema::Integer { minimum: 0, maximum: u64::MAX },
    i32 => Schema::Integer { minimum: i32::MIN as i64, maximum: i32::MAX as u64 },
    i64 => Schema::Integer { minimum: i64::MIN, maximum: i64::MAX as u64 },
    f64 => Schema::Number,
    String => Schema::String,
    serde_json::Value => Schema::Any,
    serde_json::Map<String, serde_json::Value> => Schema::Map(&Schema::Any),
}

impl<T: PolicyConfig> PolicyConfig for Option<T> {
    const SCHEMA: Schema = T::SCHEMA;
}

impl<T: PolicyConfig> PolicyConfig for Vec<T> {
    const SCHEMA: Schema = Schema::Array(&T::SCHEMA);
}

impl<T: PolicyConfig> PolicyConfig for BTreeMap<String, T> {
    const SCHEMA: Schema = Schema::Map(&T::SCHEMA);
}
