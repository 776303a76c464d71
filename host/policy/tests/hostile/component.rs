//! Components from the text of a few instructions: image filters that are small and as hostile as one likes.

use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::Resolve;

/// An image filter in pieces.
pub(crate) struct Guest {
    /// The body of `select`; its result is a pointer to what it returns.
    pub(crate) select: String,
    /// What stands beside the functions.
    pub(crate) items: String,
    /// What `describe` says, when it is not what the section says.
    pub(crate) lie: Option<String>,
    /// Pages of memory at the start.
    pub(crate) pages: u32,
}

impl Guest {
    /// A filter whose `select` is these instructions.
    pub(crate) fn selecting(select: &str) -> Self {
        Self { select: select.to_owned(), items: String::new(), lie: None, pages: 1 }
    }

    /// A filter that picks the first tag, with these items beside it.
    pub(crate) fn with(items: &str) -> Self {
        Self { items: items.to_owned(), ..Self::selecting(GOOD) }
    }

    /// The component.
    pub(crate) fn component(&self) -> Vec<u8> {
        let about = format!(
            r#"{{"contract":"rhumb:policy@0.1.0","kind":"image-filter","name":"guest","version":"1.0.0","config":{{}},"reasons":[{{"code":"ok","text":"good"}}],"fuel":20000000,"summary":"{}"}}"#,
            // Each guest has a digest of its own.
            self.select.len() + self.items.len(),
        );
        let said = self.lie.as_ref().unwrap_or(&about);
        let text = format!(
            r#"(module
              (memory (export "memory") {pages})
              (data (i32.const 512) "ok\ff\fe")
              (data (i32.const 2048) "{said}")
              (global $heap (mut i32) (i32.const 16384))
              (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (local $at i32)
                (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 15)) (i32.const -16)))
                (global.set $heap (i32.add (local.get $at) (local.get 3)))
                (local.get $at))
              ;; outcome, its payload, length of the code, message and its length, considered and how many
              (func $answer (param i32 i64 i32 i32 i32 i32 i32) (result i32)
                (i32.store8 (i32.const 1024) (i32.const 0))
                (i32.store8 (i32.const 1032) (local.get 0))
                (i64.store (i32.const 1040) (local.get 1))
                (i32.store (i32.const 1048) (i32.const 512))
                (i32.store (i32.const 1052) (local.get 2))
                (i32.store (i32.const 1056) (local.get 3))
                (i32.store (i32.const 1060) (local.get 4))
                (i32.store (i32.const 1064) (local.get 5))
                (i32.store (i32.const 1068) (local.get 6))
                (i32.const 1024))
              (func (export "rhumb:policy/meta@0.1.0#describe") (result i32)
                (i32.store (i32.const 16) (i32.const 2048))
                (i32.store (i32.const 20) (i32.const {length}))
                (i32.const 16))
              (func (export "rhumb:policy/meta@0.1.0#check-config") (param i32 i32) (result i32)
                (i64.store (i32.const 16) (i64.const 0))
                (i32.const 16))
              (func (export "rhumb:policy/image-filter@0.1.0#shortlist") (param i32) (result i32) unreachable)
              (func $select (export "rhumb:policy/image-filter@0.1.0#select") (param i32) (result i32) {select})
              {items}
              (@custom "rhumb:policy" "{section}"))"#,
            pages = self.pages,
            said = escaped(said),
            length = said.len(),
            select = self.select,
            items = self.items,
            section = escaped(&about),
        );
        let mut module = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"));
        let mut resolve = Resolve::default();
        let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit/policy.wit");
        let package = resolve.push_path(contract).expect("the contract is well-formed").0;
        let world = resolve.select_world(&[package], Some("image-filter-policy")).expect("the world is there");
        wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        ComponentEncoder::default().module(&module).unwrap().validate(false).encode().unwrap()
    }
}

/// Picks the first tag.
pub(crate) const GOOD: &str =
    "(call $answer (i32.const 0) (i64.const 0) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))";

fn escaped(text: &str) -> String {
    text.replace('"', "\\\"")
}
