//! What servers do to those who depend on them, on real servers: one clear error at the right object, the rest goes on,
//! nothing half-done remains, and it heals by itself.

mod git;
mod kubernetes;
mod registry;
mod store;
