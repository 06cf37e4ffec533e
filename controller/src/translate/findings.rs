use flow_model::diagnostic::Diagnostic;
use std::collections::BTreeMap;

/// The findings about objects, by the object.
#[derive(Debug)]
pub(super) struct Findings<K>(BTreeMap<K, Vec<Diagnostic>>);

impl<K> Default for Findings<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Clone + Ord> Findings<K> {
    /// Sets the findings about an object. True if they differ from those before.
    pub(super) fn set(&mut self, object: &K, findings: Vec<Diagnostic>) -> bool {
        if self.0.get(object).map_or(&[][..], Vec::as_slice) == findings {
            return false;
        }
        if findings.is_empty() {
            self.0.remove(object);
        } else {
            self.0.insert(object.clone(), findings);
        }
        true
    }

    /// Returns all findings, in the order of the objects.
    pub(super) fn all(&self) -> Vec<Diagnostic> {
        self.0.values().flatten().cloned().collect()
    }
}
