//! The common log format: NCSA's, with Traefik's additions at the end.

use super::{Fields, Record};
use jiff::Timestamp;
use std::io::Write as _;

/// Appends one line.
pub(super) fn write(line: &mut Vec<u8>, record: &Record<'_>, fields: &Fields, additions: bool) {
    let time = Timestamp::try_from(record.start).unwrap_or_default().strftime("%d/%b/%Y:%H:%M:%S %z");
    // Writing to memory cannot fail.
    let _ = write!(line, "{} - {} [{time}] \"{} ", record.client_host, record.username.unwrap_or("-"), record.method);
    escaped(line, &fields.target(record.target));
    let _ = write!(line, " {}\" {} {} ", record.protocol(), record.status, record.response_bytes);
    quoted(line, record.kept_header("referer", fields));
    line.push(b' ');
    quoted(line, record.kept_header("user-agent", fields));
    if additions {
        let _ = write!(line, " {} ", record.count);
        quoted(line, record.router);
        line.push(b' ');
        quoted(line, record.upstream.map(|u| u.url));
        let _ = write!(line, " {}ms", record.duration.as_millis());
    }
    line.push(b'\n');
}

fn quoted(line: &mut Vec<u8>, text: Option<&str>) {
    line.push(b'"');
    escaped(line, text.filter(|t| !t.is_empty()).unwrap_or("-"));
    line.push(b'"');
}

/// What a client sent must not be able to end a field or a line.
fn escaped(line: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => line.extend_from_slice(&[b'\\', byte]),
            0..=0x1f | 0x7f => {
                let _ = write!(line, "\\x{byte:02x}");
            }
            _ => line.push(byte),
        }
    }
}
