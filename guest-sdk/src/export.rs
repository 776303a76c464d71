//! The macro that makes a component of a policy.

/// Exports a policy: `export_policy!(Type: image-filter)`, or `promotion-rule`, or `value-transform`.
///
/// On wasm it writes the exports of the kind's world and the custom section `rhumb:policy`. Elsewhere it only checks
/// that the type implements the kind's trait.
#[macro_export]
macro_rules! export_policy {
    ($policy:ty: image-filter) => {
        $crate::__export!($policy, "image-filter", $crate::ImageFilter, {
            #[cfg(target_arch = "wasm32")]
            impl $crate::bindings::image_filter::exports::rhumb::policy::image_filter::Guest for Component {
                fn shortlist(
                    context: $crate::Context,
                    config: String,
                    container: $crate::Container,
                    tags: $crate::Tags,
                ) -> Result<Vec<u32>, $crate::Failure> {
                    $crate::glue::shortlist::<$policy>(&context, &config, &container, &tags)
                }
                fn select(
                    context: $crate::Context,
                    config: String,
                    container: $crate::Container,
                    tags: $crate::Tags,
                    metadata: $crate::Metadata,
                ) -> Result<$crate::Selection, $crate::Failure> {
                    $crate::glue::select::<$policy>(&context, &config, &container, &tags, &metadata)
                }
            }
            #[cfg(target_arch = "wasm32")]
            $crate::bindings::image_filter::export_image_filter!(
                Component with_types_in $crate::bindings::image_filter
            );
        });
    };
    ($policy:ty: promotion-rule) => {
        $crate::__export!($policy, "promotion-rule", $crate::PromotionRule, {
            #[cfg(target_arch = "wasm32")]
            impl $crate::bindings::promotion_rule::exports::rhumb::policy::promotion_rule::Guest for Component {
                fn judge(
                    context: $crate::Context,
                    config: String,
                    moves: Vec<$crate::Move>,
                    evidence: String,
                ) -> Result<$crate::Verdict, $crate::Failure> {
                    $crate::glue::judge::<$policy>(&context, &config, &moves, &evidence)
                }
            }
            #[cfg(target_arch = "wasm32")]
            $crate::bindings::promotion_rule::export_promotion_rule!(
                Component with_types_in $crate::bindings::promotion_rule
            );
        });
    };
    ($policy:ty: value-transform) => {
        $crate::__export!($policy, "value-transform", $crate::ValueTransform, {
            #[cfg(target_arch = "wasm32")]
            impl $crate::bindings::value_transform::exports::rhumb::policy::value_transform::Guest for Component {
                fn apply(
                    context: $crate::Context,
                    config: String,
                    chart: $crate::Chart,
                    values: String,
                    evidence: String,
                ) -> Result<$crate::Transformation, $crate::Failure> {
                    $crate::glue::apply::<$policy>(&context, &config, &chart, &values, &evidence)
                }
            }
            #[cfg(target_arch = "wasm32")]
            $crate::bindings::value_transform::export_value_transform!(
                Component with_types_in $crate::bindings::value_transform
            );
        });
    };
}

/// What the three kinds have in common.
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    ($policy:ty, $kind:literal, $bound:path, { $($items:item)* }) => {
        const _: () = {
            const fn implements_the_kind<P: $bound>() {}
            implements_the_kind::<$policy>();
        };
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            const DOCUMENT: &$crate::Document = &$crate::Document::of::<$policy>($kind);
            const LEN: usize = DOCUMENT.len();
            const BYTES: &[u8; LEN] = &DOCUMENT.trimmed();
            const TEXT: &str = $crate::Document::text(BYTES);
            // A custom section is not memory, so the text stands in the component twice.
            #[used]
            #[unsafe(link_section = "rhumb:policy")]
            static SECTION: [u8; LEN] = DOCUMENT.trimmed();

            struct Component;
            impl $crate::bindings::meta::exports::rhumb::policy::meta::Guest for Component {
                fn describe() -> String {
                    String::from(TEXT)
                }
                fn check_config(config: String) -> Vec<$crate::Problem> {
                    $crate::glue::check_config::<$policy>(&config)
                }
            }
            $crate::bindings::meta::export_meta!(Component with_types_in $crate::bindings::meta);
            $($items)*
        };
    };
}
