//! YAML as it stands in git: objects, the images in them with their places, and edits of single scalars.

mod apply;
mod claim;
mod edit;
mod found;
mod line;
mod load;
mod object;
mod puller;
mod slot;
mod whole;

#[cfg(test)]
mod tests;

pub use apply::apply;
pub use edit::{Edit, EditError};
pub use load::{File, Manifests, Problem, load};
pub(crate) use object::canonical_text;
pub use object::{Object, Switch};
pub use puller::Puller;
pub use slot::{Place, Slot, containers_named, slots};
