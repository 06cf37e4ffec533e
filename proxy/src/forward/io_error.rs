//! The meaning of errors of connections to backends.

use flow_middleware::FailureKind;
use flow_middleware::body::BodyError;
use std::io;

/// Maps Go's `net.Error`: a timeout or not.
pub(super) fn kind(error: &io::Error) -> FailureKind {
    if error.kind() == io::ErrorKind::TimedOut { FailureKind::TimedOut } else { FailureKind::Unreachable }
}

/// The error that readers of a truncated response body get.
pub(super) fn broken_off() -> BodyError {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the backend broke off").into()
}
