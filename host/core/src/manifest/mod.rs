//! YAML as it stands in git: objects, the images in them with their places, and edits of single scalars.

mod edit;
mod found;
mod line;
mod load;
mod object;
mod proof;
mod puller;
mod slot;

#[cfg(test)]
mod tests;

pub use edit::{Edit, EditError, apply};
pub use load::{File, Manifests, Problem, load};
pub(crate) use object::canonical_text;
pub use object::{Object, Switch};
pub use puller::Puller;
pub use slot::{Place, Slot, containers_named, slots};
