//! An idle pass over 1,000 releases, counted: API writes, renders, git clones.

fn main() {}
