//! The inputs of a plan.

use super::index::Index;
use crate::view::{Settings, View};
use jiff::Timestamp;

/// The inputs that all parts of the planner share.
pub(crate) struct Context<'a> {
    pub(crate) view: &'a View,
    pub(crate) settings: &'a Settings,
    pub(crate) index: &'a Index,
    pub(crate) now: Timestamp,
}
