//! The derive of the Rhumb guest SDK: a config's JSON Schema, made at compile time from the type and its doc comments.
//!
//! It understands what serde does with the same type (`rename_all`, `rename`, `default`) and refuses what it does not
//! know, so that schema and parser cannot drift apart.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::{
    Attribute, Data, DeriveInput, Error, Expr, ExprLit, Field, Fields, Lit, LitStr, Meta, Type, parse_macro_input,
};

/// Implements `rhumb_guest_sdk::PolicyConfig` for a struct with named fields or an enum of unit variants.
///
/// Doc comments become descriptions. A field is optional when its type is `Option` or when it or its struct carries
/// `#[serde(default)]`.
#[proc_macro_derive(PolicyConfig, attributes(serde))]
pub fn policy_config(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    schema(&input).unwrap_or_else(Error::into_compile_error).into()
}

/// What serde's attributes say.
#[derive(Default)]
struct Serde {
    rename: Option<String>,
    rename_all: Option<String>,
    default: bool,
}

fn schema(input: &DeriveInput) -> Result<Tokens, Error> {
    let container = serde(&input.attrs)?;
    let tree = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(named) => {
                let fields = named.named.iter().map(|f| field(f, &container)).collect::<Result<Vec<_>, _>>()?;
                quote!(::rhumb_guest_sdk::Schema::Object(&[#(#fields),*]))
            }
            _ => return Err(Error::new_spanned(&input.ident, "a config is a struct with named fields")),
        },
        Data::Enum(data) => {
            let mut names = Vec::new();
            for variant in &data.variants {
                if !matches!(variant.fields, Fields::Unit) {
                    return Err(Error::new_spanned(variant, "a choice in a config has no fields"));
                }
                let own = serde(&variant.attrs)?;
                names.push(match own.rename {
                    Some(name) => name,
                    None => variant_name(&variant.ident.to_string(), &container, variant)?,
                });
            }
            quote!(::rhumb_guest_sdk::Schema::Choice(&[#(#names),*]))
        }
        Data::Union(_) => return Err(Error::new_spanned(&input.ident, "a config is a struct or an enum")),
    };
    let (name, (impl_generics, type_generics, bounds)) = (&input.ident, input.generics.split_for_impl());
    Ok(quote! {
        impl #impl_generics ::rhumb_guest_sdk::PolicyConfig for #name #type_generics #bounds {
            const SCHEMA: ::rhumb_guest_sdk::Schema = #tree;
        }
    })
}

fn field(field: &Field, container: &Serde) -> Result<Tokens, Error> {
    let own = serde(&field.attrs)?;
    let ident = field.ident.as_ref().ok_or_else(|| Error::new_spanned(field, "a config's field has a name"))?;
    let plain = ident.to_string();
    let plain = plain.strip_prefix("r#").unwrap_or(&plain);
    let name = match own.rename {
        Some(name) => name,
        None => field_name(plain, container, field)?,
    };
    let about = doc(&field.attrs);
    let (ty, required) = (&field.ty, !(own.default || container.default || is_option(&field.ty)));
    Ok(quote! {
        ::rhumb_guest_sdk::Field {
            name: #name,
            about: #about,
            required: #required,
            schema: <#ty as ::rhumb_guest_sdk::PolicyConfig>::SCHEMA,
        }
    })
}

fn is_option(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|segment| segment.ident == "Option"))
}

/// The doc comment as one line.
fn doc(attributes: &[Attribute]) -> String {
    let mut lines = Vec::new();
    for attribute in attributes {
        if let Meta::NameValue(pair) = &attribute.meta
            && pair.path.is_ident("doc")
            && let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value
        {
            lines.push(text.value().trim().to_owned());
        }
    }
    lines.join(" ").trim().to_owned()
}

fn serde(attributes: &[Attribute]) -> Result<Serde, Error> {
    let mut found = Serde::default();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("rename") {
                found.rename = Some(meta.value()?.parse::<LitStr>()?.value());
            } else if meta.path.is_ident("rename_all") {
                found.rename_all = Some(meta.value()?.parse::<LitStr>()?.value());
            } else if meta.path.is_ident("default") {
                found.default = true;
                if let Ok(value) = meta.value() {
                    value.parse::<LitStr>()?;
                }
            } else if !meta.path.is_ident("deny_unknown_fields") {
                return Err(meta.error("the schema cannot express this; use `rename`, `rename_all` or `default`"));
            }
            Ok(())
        })?;
    }
    Ok(found)
}

fn field_name(name: &str, container: &Serde, at: &Field) -> Result<String, Error> {
    Ok(match container.rename_all.as_deref() {
        None | Some("snake_case") => name.to_owned(),
        Some("kebab-case") => name.replace('_', "-"),
        Some("camelCase") => {
            let mut words = name.split('_');
            let first = words.next().unwrap_or_default().to_owned();
            words.fold(first, |text, word| text + &capitalised(word))
        }
        Some(other) => return Err(Error::new_spanned(at, format!("rename_all `{other}` is not supported for fields"))),
    })
}

fn variant_name(name: &str, container: &Serde, at: &syn::Variant) -> Result<String, Error> {
    let separated = |separator: char| {
        let mut text = String::new();
        for (at, c) in name.chars().enumerate() {
            if c.is_uppercase() && at > 0 {
                text.push(separator);
            }
            text.extend(c.to_lowercase());
        }
        text
    };
    Ok(match container.rename_all.as_deref() {
        None => name.to_owned(),
        Some("lowercase") => name.to_lowercase(),
        Some("kebab-case") => separated('-'),
        Some("snake_case") => separated('_'),
        Some(other) => {
            return Err(Error::new_spanned(at, format!("rename_all `{other}` is not supported for choices")));
        }
    })
}

fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
