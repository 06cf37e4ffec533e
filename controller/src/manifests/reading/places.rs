//! The place in the folder where each object is defined.

use super::{Folder, place};
use flow_model::diagnostic::Subject;
use std::collections::HashMap;

/// The last definition of every object, as `FILE:LINE`, relative to the folder.
#[derive(Clone, Debug, Default)]
pub struct Places(HashMap<Subject, String>);

impl Places {
    /// Returns the place where an object is defined, if it is.
    #[must_use]
    pub fn of(&self, object: &Subject) -> Option<&str> {
        self.0.get(object).map(String::as_str)
    }

    /// Returns the number of objects.
    #[must_use]
    pub fn objects(&self) -> usize {
        self.0.len()
    }
}

impl Folder {
    /// Returns the place of every object.
    pub(in crate::manifests) fn places(&self) -> Places {
        let entries = self.files.iter().flat_map(|(path, file)| file.objects.iter().map(move |entry| (path, entry)));
        let places = entries.map(|(path, entry)| {
            let (kind, key) = entry.address();
            (key.subject(kind.name()), place(&self.root, path, Some(entry.line)))
        });
        let declarations = self
            .files
            .iter()
            .flat_map(|(path, file)| file.declarations.iter().map(move |declaration| (path, declaration)));
        let own = declarations.filter_map(|(path, (declaration, line))| {
            Some((declaration.subject()?, place(&self.root, path, Some(*line))))
        });
        Places(places.chain(own).collect())
    }
}
