//! What is wrong with a text, in words that print no numbers of the text: that alone would be a quarter of a small policy.

use std::fmt;

use serde::de::{Expected, Unexpected};

/// What is wrong.
#[derive(Debug)]
pub(crate) struct Error(String);

impl Error {
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The same with the place, in bytes from the beginning.
    pub(super) fn at(self, at: usize) -> Self {
        Self(format!("{} (byte {at})", self.0))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self(text.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self(format!("wanted {wanted}, got {}", name(&found)))
    }

    fn invalid_value(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        match found {
            Unexpected::Str(text) => Self(format!("wanted {wanted}, got `{text}`")),
            other => Self(format!("wanted {wanted}, got another {}", name(&other))),
        }
    }

    fn invalid_length(_: usize, wanted: &dyn Expected) -> Self {
        Self(format!("wanted {wanted}, got another length"))
    }

    fn unknown_variant(variant: &str, choices: &'static [&'static str]) -> Self {
        Self(format!("wanted one of {}, got `{variant}`", choices.join(", ")))
    }

    fn unknown_field(field: &str, fields: &'static [&'static str]) -> Self {
        Self(format!("there is no `{field}`, but {}", fields.join(", ")))
    }

    fn missing_field(field: &'static str) -> Self {
        Self(format!("`{field}` is missing"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self(format!("`{field}` is there twice"))
    }
}

fn name(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "whole number",
        Unexpected::Float(_) => "number",
        Unexpected::Char(_) | Unexpected::Str(_) => "text",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Seq => "list",
        Unexpected::Map => "object",
        _ => "value",
    }
}
