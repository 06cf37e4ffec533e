//! `flow-proxy healthcheck`: requests `/ping` of the instance with the same configuration, for container probes.

use crate::output;
use crate::settings::Settings;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpStream, ToSocketAddrs as _};
use std::process::ExitCode;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Exit code 0 if the instance responds with 200, else 1, with the reason on standard error.
pub(crate) fn run(settings: &Settings) -> ExitCode {
    match ask(settings) {
        Ok(status) if status.contains(" 200") => output::print_result(format_args!("OK: {status}"), ExitCode::SUCCESS),
        Ok(status) => {
            output::print_error(format_args!("Bad healthcheck status: {status}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            output::print_error(format_args!("Error calling healthcheck: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn ask(settings: &Settings) -> std::io::Result<String> {
    let entry_point = settings.ping.as_ref().and_then(|ping| settings.entry_points.get(&ping.entry_point));
    let address = entry_point.map(|e| &e.address).ok_or_else(|| std::io::Error::other("ping is off"))?;
    let host = match address.host.parse::<IpAddr>() {
        _ if address.host.is_empty() => Ipv4Addr::LOCALHOST.to_string(),
        Ok(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.to_string(),
        _ => address.host.clone(),
    };
    let target = (host.as_str(), address.port).to_socket_addrs()?.next();
    let target = target.ok_or_else(|| std::io::Error::other(format!("{host} has no address")))?;
    let mut stream = TcpStream::connect_timeout(&target, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.write_all(format!("HEAD /ping HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut response = String::new();
    stream.take(4096).read_to_string(&mut response)?;
    Ok(response.lines().next().unwrap_or_default().to_owned())
}
