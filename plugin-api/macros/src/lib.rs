//! The attribute `#[config]` of engine-plugin-api, which re-exports it.

use proc_macro::TokenStream as Tokens;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Data, DeriveInput, Error, Fields, parse_macro_input, spanned::Spanned};

/// Makes a struct the settings of a check: readable from `engine.toml`, with a
/// JSON schema, and with a default for every field, so that none is required.
/// An unknown setting is an error that names it.
///
/// ```ignore
/// /// Settings of `acme.example`.
/// #[engine_plugin_api::config]
/// pub struct Config {
///     /// How many hosts are looked at.
///     #[default(16)]
///     pub max_hosts: usize,
///     /// Names that are left out; none unless it is given.
///     pub except: Vec<String>,
/// }
/// ```
///
/// Doc comments become the descriptions of the schema. Serde's and schemars'
/// own attributes work on fields as ever. An enum of words without data may be
/// a field's type and takes the attribute too: its variants are kebab-case, and
/// one of them may be marked `#[default]`.
#[proc_macro_attribute]
pub fn config(arguments: Tokens, item: Tokens) -> Tokens {
    let arguments = TokenStream::from(arguments);
    let input = parse_macro_input!(item as DeriveInput);
    let expanded = if arguments.is_empty() {
        expand(input)
    } else {
        Err(Error::new(arguments.span(), "`#[config]` takes no arguments"))
    };
    expanded.unwrap_or_else(Error::into_compile_error).into()
}

fn expand(mut input: DeriveInput) -> syn::Result<TokenStream> {
    if !input.generics.params.is_empty() {
        return Err(Error::new(input.generics.span(), "settings have no parameters of type or lifetime"));
    }
    let name = input.ident.clone();
    let derives = quote! {
        #[derive(
            ::core::clone::Clone,
            ::core::fmt::Debug,
            ::core::cmp::PartialEq,
            ::engine_plugin_api::serde::Serialize,
            ::engine_plugin_api::serde::Deserialize,
            ::engine_plugin_api::JsonSchema,
        )]
        #[schemars(crate = "::engine_plugin_api::schemars")]
    };
    match &mut input.data {
        Data::Struct(data) => {
            let Fields::Named(fields) = &mut data.fields else {
                return Err(Error::new(name.span(), "settings are a struct with named fields"));
            };
            let mut defaults = Vec::new();
            for field in &mut fields.named {
                let given = take_default(&mut field.attrs)?;
                let (ident, value) =
                    (&field.ident, given.unwrap_or_else(|| quote!(::core::default::Default::default())));
                defaults.push(quote!(#ident: #value));
            }
            Ok(quote! {
                #derives
                #[serde(crate = "::engine_plugin_api::serde", default, deny_unknown_fields)]
                #input

                impl ::core::default::Default for #name {
                    fn default() -> Self {
                        #name { #(#defaults),* }
                    }
                }
            })
        }
        Data::Enum(data) => {
            let words = data.variants.iter().all(|variant| matches!(variant.fields, Fields::Unit));
            if !words {
                return Err(Error::new(name.span(), "an enum of settings has words without data"));
            }
            let has_default =
                data.variants.iter().any(|variant| variant.attrs.iter().any(|one| one.path().is_ident("default")));
            let default = has_default.then(|| quote!(#[derive(::core::default::Default)]));
            Ok(quote! {
                #derives
                #default
                #[derive(::core::marker::Copy, ::core::cmp::Eq)]
                #[serde(crate = "::engine_plugin_api::serde", rename_all = "kebab-case")]
                #input
            })
        }
        Data::Union(_) => Err(Error::new(name.span(), "settings are a struct or an enum")),
    }
}

/// Takes `#[default(VALUE)]` away and gives its value.
fn take_default(attributes: &mut Vec<Attribute>) -> syn::Result<Option<TokenStream>> {
    let Some(at) = attributes.iter().position(|one| one.path().is_ident("default")) else { return Ok(None) };
    let attribute = attributes.remove(at);
    match attribute.meta.require_list() {
        Ok(list) if !list.tokens.is_empty() => Ok(Some(list.tokens.clone())),
        _ => Err(Error::new(attribute.span(), "expected `#[default(VALUE)]`")),
    }
}
