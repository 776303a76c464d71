//! What `wit-bindgen` makes of the contract; the types that the kinds share exist once.
//!
//! One world per exported interface instead of the contract's worlds: macros that export are global to a crate, so
//! the exports of `meta` can exist only once. `wit-component` joins the two worlds that a guest exports.

#![allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::allow_attributes_without_reason,
    reason = "generated"
)]

pub mod meta {
    wit_bindgen::generate!({
        inline: "package rhumb:sdk; world meta-part { export rhumb:policy/meta@0.1.0; }",
        path: "../wit/policy.wit",
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export_meta",
        default_bindings_module: "rhumb_guest_sdk::bindings::meta",
        additional_derives: [PartialEq],
    });
}

pub mod image_filter {
    wit_bindgen::generate!({
        inline: "package rhumb:sdk; world image-filter-part { export rhumb:policy/image-filter@0.1.0; }",
        path: "../wit/policy.wit",
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export_image_filter",
        default_bindings_module: "rhumb_guest_sdk::bindings::image_filter",
        additional_derives: [PartialEq],
        with: { "rhumb:policy/types@0.1.0": crate::bindings::meta::rhumb::policy::types },
    });
}

pub mod promotion_rule {
    wit_bindgen::generate!({
        inline: "package rhumb:sdk; world promotion-rule-part { export rhumb:policy/promotion-rule@0.1.0; }",
        path: "../wit/policy.wit",
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export_promotion_rule",
        default_bindings_module: "rhumb_guest_sdk::bindings::promotion_rule",
        additional_derives: [PartialEq],
        with: { "rhumb:policy/types@0.1.0": crate::bindings::meta::rhumb::policy::types },
    });
}

pub mod value_transform {
    wit_bindgen::generate!({
        inline: "package rhumb:sdk; world value-transform-part { export rhumb:policy/value-transform@0.1.0; }",
        path: "../wit/policy.wit",
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export_value_transform",
        default_bindings_module: "rhumb_guest_sdk::bindings::value_transform",
        additional_derives: [PartialEq],
        with: { "rhumb:policy/types@0.1.0": crate::bindings::meta::rhumb::policy::types },
    });
}
