//! The access log: one line per exchange, in Traefik's JSON or common form.

mod common;
mod fields;
mod filter;
mod json;
mod record;
#[cfg(test)]
mod tests;
mod text;
mod writer;

pub use fields::{FieldMode, Fields, Rules};
pub use filter::{Filters, StatusRange};
pub use record::{Record, Upstream};

use std::path::PathBuf;
use std::sync::Arc;
use writer::Writer;

/// The form of a line.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Format {
    /// The common log format with Traefik's additions.
    #[default]
    Common,
    /// The common log format, combined with referrer and agent, without additions.
    GenericClf,
    /// JSON objects.
    Json,
}

/// Options of the access log (`accessLog`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// The file; `None` means the standard output.
    pub path: Option<PathBuf>,
    /// The form of a line.
    pub format: Format,
    /// The exchanges that are written.
    pub filters: Filters,
    /// The fields that are written.
    pub fields: Fields,
}

/// Writes finished exchanges.
#[derive(Debug)]
pub struct AccessLog {
    options: Options,
    kept: json::Kept,
    writer: Writer,
}

impl AccessLog {
    /// Opens the log.
    ///
    /// # Errors
    /// If the file cannot be opened for appending, or the thread cannot be started.
    pub fn open(options: Options) -> std::io::Result<Arc<Self>> {
        let writer = Writer::open(options.path.clone())?;
        Ok(Arc::new(Self { kept: json::Kept::new(&options.fields), options, writer }))
    }

    /// True if request and response headers are logged, so that they must be kept until the end of the exchange.
    #[must_use]
    pub fn wants_headers(&self) -> bool {
        self.options.fields.wants_headers()
    }

    /// Writes one exchange, unless the filters exclude it. Never waits for the disk.
    pub fn write(&self, record: &Record<'_>) {
        if !self.options.filters.keep(record) {
            return;
        }
        self.writer.append(|line| match self.options.format {
            Format::Common => common::write(line, record, &self.options.fields, true),
            Format::GenericClf => common::write(line, record, &self.options.fields, false),
            Format::Json => json::write(line, record, &self.kept, &self.options.fields),
        });
    }

    /// Reopens the file, after it was moved away (SIGUSR1).
    pub fn reopen(&self) {
        self.writer.reopen();
    }

    /// Waits until everything is written.
    pub fn flush(&self) {
        self.writer.flush();
    }
}
