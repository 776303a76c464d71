//! Case files.
/// x
pub fn filter_cases() {}
/// x
pub fn rule_cases() {}
/// x
pub fn transform_cases() {}
