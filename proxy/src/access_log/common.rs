//! The common log format: NCSA's, with Traefik's additions at the end.

use super::text::{bare, quoted, within_quotes, without_spaces};
use super::{Fields, Record};
use jiff::Timestamp;
use std::io::Write as _;

/// Appends one line.
pub(super) fn write(line: &mut Vec<u8>, record: &Record<'_>, fields: &Fields, additions: bool) {
    let time = Timestamp::try_from(record.start).unwrap_or_default().strftime("%d/%b/%Y:%H:%M:%S %z");
    bare(line, &without_spaces(record.client_host));
    line.extend_from_slice(b" - ");
    bare(line, record.username.unwrap_or_default());
    // Writing to memory cannot fail.
    let _ = write!(line, " [{time}] \"{} ", record.method);
    within_quotes(line, &fields.target(record.target));
    let _ = write!(line, " {}\" {} {} ", record.protocol(), record.status, record.response_bytes);
    quoted(line, &record.kept_header("referer", fields).unwrap_or_default());
    line.push(b' ');
    quoted(line, &record.kept_header("user-agent", fields).unwrap_or_default());
    if additions {
        let _ = write!(line, " {} ", record.count);
        quoted(line, record.router.unwrap_or_default());
        line.push(b' ');
        quoted(line, record.upstream.map_or("", |u| u.url));
        let _ = write!(line, " {}ms", record.duration.as_millis());
    }
    line.push(b'\n');
}
