//! Collections of names.

use flow_model::name::Name;
use hashbrown::{HashMap, HashSet};

/// A map with names as keys.
pub(crate) type ByName<T> = HashMap<Name, T, foldhash::fast::RandomState>;

/// A set of names.
pub(super) type Names = HashSet<Name, foldhash::fast::RandomState>;
