use super::fault::Fault;
use flow_model::diagnostic::Severity;

/// A finding about a part of a file that does not make the file unusable.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    /// The keys that lead to it.
    pub(crate) path: Vec<String>,
    pub(crate) message: String,
}

/// Findings about what is at, and below, one place.
#[derive(Debug, Default)]
pub(super) struct Findings {
    place: Vec<String>,
    found: Vec<Finding>,
}

impl Findings {
    /// Goes on with the part of the file at these keys.
    pub(super) fn at(&mut self, path: &[&str]) {
        self.place = path.iter().map(|&key| key.to_owned()).collect();
    }

    /// Adds that something below, or the whole if there are no keys, is not served.
    pub(super) fn error(&mut self, below: &[&str], message: impl ToString) {
        self.add(Severity::Error, below, message);
    }

    /// Adds that what a fault is about is not served.
    pub(super) fn fault(&mut self, fault: &Fault) {
        self.error(&fault.keys(), &fault.message);
    }

    /// Adds that something below, or the whole if there are no keys, may be served in another way than expected.
    pub(super) fn warn(&mut self, below: &[&str], message: impl ToString) {
        self.add(Severity::Warning, below, message);
    }

    fn add(&mut self, severity: Severity, below: &[&str], message: impl ToString) {
        let path = self.place.iter().cloned().chain(below.iter().map(|&key| key.to_owned())).collect();
        self.found.push(Finding { severity, path, message: message.to_string() });
    }

    pub(super) fn into_vec(self) -> Vec<Finding> {
        self.found
    }
}
