//! Flags, files and the environment, each read into the same kind of tree.

pub(super) mod environment;
pub(super) mod file;
pub(super) mod flags;
