//! The look-up of TXT records.

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use std::net::SocketAddr;
use std::time::Duration;

/// The longest time that a server may take.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The number of records that are looked at. A name with more has another purpose.
const MAX_RECORDS: usize = 100;

/// Returns the TXT records of a name as texts: of these servers, or of the system's if there are none. A name that does
/// not exist has none.
///
/// # Errors
/// No server answers, in words.
pub(crate) async fn texts(servers: &[SocketAddr], name: &str) -> Result<Vec<String>, String> {
    let provider = TokioRuntimeProvider::default();
    let builder = if servers.is_empty() {
        TokioResolver::builder(provider).map_err(|error| format!("the system's DNS servers are not known: {error}"))?
    } else {
        let servers = servers.iter().map(|server| {
            let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
            connections.iter_mut().for_each(|connection| connection.port = server.port());
            NameServerConfig::new(server.ip(), true, connections)
        });
        TokioResolver::builder_with_config(ResolverConfig::from_parts(None, Vec::new(), servers.collect()), provider)
    };
    let mut builder = builder;
    let options = builder.options_mut();
    options.cache_size = 0;
    options.timeout = TIMEOUT;
    options.attempts = 1;
    let resolver = builder.build().map_err(|error| error.to_string())?;
    // The last dot keeps the system's search domains out.
    match resolver.lookup(format!("{name}."), RecordType::TXT).await {
        Ok(found) => Ok(found.answers().iter().filter_map(|record| text(&record.data)).take(MAX_RECORDS).collect()),
        Err(error) if error.is_no_records_found() || error.is_nx_domain() => Ok(Vec::new()),
        Err(error) => Err(format!("DNS servers do not answer: {error}")),
    }
}

/// The text of a record: its strings, one after the other.
fn text(data: &RData) -> Option<String> {
    let RData::TXT(txt) = data else { return None };
    let bytes: Vec<u8> = txt.txt_data.iter().flat_map(|part| part.iter().copied()).collect();
    String::from_utf8(bytes).ok()
}
