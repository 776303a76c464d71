//! TOML as `github.com/BurntSushi/toml` reads it, with the words of its errors: Helm's `fromToml` gives them to charts.
//!
//! The lexer goes from state to state as that library does, because where it stops decides what it says.

mod lexer;
mod parser;
mod scalars;
mod states;
mod values;

pub(crate) use parser::{Problem, read};
