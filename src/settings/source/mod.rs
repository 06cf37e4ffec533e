//! Flags, files and the environment: each becomes the same tree.

pub(super) mod environment;
pub(super) mod file;
pub(super) mod flags;
