//! Traefik's dynamic configuration files: one file, or a folder of them.
//!
//! ```text
//!   file ──▶ decode: text ──▶ Node (YAML, TOML) ──▶ objects of flow_model
//!              ▲                                        │
//!   changes ──▶ folder: files, the last good state of each ──▶ Config and findings
//! ```
//!
//! Everything that Traefik's file decoder (paerser) accepts is accepted: keys in any case, single values written as text,
//! durations as numbers of seconds. What it refuses is refused with line and column.

pub mod changes;
mod decode;
mod folder;
pub mod nesting;
mod template;

pub use folder::{Files, KIND, Origin, Reading, files_of, is_read};
