//! One file: from its text to objects.

mod content;
mod fault;
mod findings;
mod keys;
mod middleware;
mod node;
mod position;
mod router;
mod service;
#[cfg(test)]
mod tests;
mod tls;
mod transport;
mod written;

pub(crate) use content::ReadFile;
pub(crate) use findings::Finding;
pub(crate) use node::Format;
pub(crate) use position::{Place, locate};

use fault::{Fault, Scope};
use findings::Findings;
use flow_model::config::{Certificate, Router, ServersTransport, Service, TlsOptions, TlsStore};
use flow_model::middleware::Middleware;
use flow_model::name::Name;
use keys::unknown;
use node::Node;
use std::collections::BTreeMap;

/// The objects of one file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Objects {
    pub(crate) routers: BTreeMap<Name, Router>,
    pub(crate) services: BTreeMap<Name, Service>,
    pub(crate) middlewares: BTreeMap<Name, Middleware>,
    pub(crate) servers_transports: BTreeMap<Name, ServersTransport>,
    pub(crate) tls_options: BTreeMap<Name, TlsOptions>,
    pub(crate) tls_stores: BTreeMap<Name, TlsStore>,
    pub(crate) certificates: Vec<Certificate>,
}

/// A file that can be used.
#[derive(Clone, Debug, Default)]
pub(crate) struct Decoded {
    pub(crate) objects: Objects,
    pub(crate) findings: Vec<Finding>,
}

/// The reason why a file cannot be used, and its place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Broken {
    pub(crate) place: Option<Place>,
    pub(crate) message: String,
}

/// The groups at the top of a file, and those in them.
const TOP: [&str; 4] = ["http", "tcp", "tls", "udp"];
const HTTP: [&str; 5] = ["middlewares", "models", "routers", "serversTransports", "services"];
const TLS: [&str; 3] = ["certificates", "options", "stores"];

/// Reads the text of `file`.
pub(crate) fn decode(text: &str, format: Format, file: &str, read: ReadFile<'_>) -> Result<Decoded, Broken> {
    let content = Node::read(text, format).map_err(|error| Broken { place: error.place, message: error.message })?;
    let mut findings = Findings::default();
    if content.has_more {
        findings.warn(&[], "only the first document of a file is read, as in Traefik");
    }
    let objects = objects(&content.root, file, read, &mut findings).map_err(|fault| {
        let path: Vec<_> = fault.keys().into_iter().map(str::to_owned).collect();
        let place = locate(text, format, &path, fault.at_key);
        let what = path.join(".");
        let message = if what.is_empty() { fault.message } else { format!("{what}: {}", fault.message) };
        Broken { place, message }
    })?;
    Ok(Decoded { objects, findings: findings.into_vec() })
}

fn objects(root: &Node, file: &str, read: ReadFile<'_>, findings: &mut Findings) -> Result<Objects, Fault> {
    let mut objects = Objects::default();
    if !matches!(root, Node::Map(_)) {
        return Err(Fault::new(Scope::File, "the file is no group of keys and values"));
    }
    for (key, value) in root.entries() {
        match TOP.iter().find(|name| name.eq_ignore_ascii_case(key)) {
            Some(&"http") => objects.http(key, value, read, findings).map_err(|fault| fault.within(key))?,
            Some(&"tls") => objects.tls(key, value, file, read, findings).map_err(|fault| fault.within(key))?,
            Some(name) if !value.entries().is_empty() => {
                findings.at(&[key]);
                findings.error(&[], format!("{} is not served yet", name.to_uppercase()));
            }
            Some(_) => {}
            // Anchors are kept under such keys.
            None if key.starts_with("x-") => {}
            None => {
                findings.at(&[key]);
                findings.warn(&[], "it is no dynamic configuration and has no effect, as in Traefik");
            }
        }
    }
    Ok(objects)
}

impl Objects {
    /// The number of objects.
    pub(crate) fn len(&self) -> usize {
        let http = self.routers.len() + self.services.len() + self.middlewares.len() + self.servers_transports.len();
        http + self.tls_options.len() + self.tls_stores.len() + self.certificates.len()
    }

    fn http(&mut self, top: &str, node: &Node, read: ReadFile<'_>, findings: &mut Findings) -> Result<(), Fault> {
        for (key, value) in written::group(node)? {
            let at = [top, key];
            let name = HTTP.iter().find(|name| name.eq_ignore_ascii_case(key));
            let done = match *name.ok_or_else(|| unknown(key, &HTTP))? {
                "routers" => each(value, at, findings, |_, node, findings| router::router(node, findings))
                    .map(|routers| self.routers = routers),
                "services" => each(value, at, findings, |_, node, _| service::service(node))
                    .map(|services| self.services = services),
                "middlewares" => each(value, at, findings, |_, node, findings| {
                    middleware::middleware(node, read).or_else(|fault| invalid(fault, findings))
                })
                .map(|middlewares| self.middlewares = middlewares),
                "serversTransports" => {
                    each(value, at, findings, |_, node, findings| transport::transport(node, read, findings))
                        .map(|transports| self.servers_transports = transports)
                }
                _ => {
                    findings.at(&at);
                    findings.error(&[], "models are not served: set middlewares and tls at the entry points");
                    Ok(())
                }
            };
            done.map_err(|fault| fault.within(key))?;
        }
        Ok(())
    }

    fn tls(
        &mut self,
        top: &str,
        node: &Node,
        file: &str,
        read: ReadFile<'_>,
        findings: &mut Findings,
    ) -> Result<(), Fault> {
        for (key, value) in written::group(node)? {
            let at = [top, key];
            let name = TLS.iter().find(|name| name.eq_ignore_ascii_case(key));
            let done = match *name.ok_or_else(|| unknown(key, &TLS))? {
                "certificates" => {
                    findings.at(&at);
                    tls::certificates(value, file, read, findings).map(|found| self.certificates = found)
                }
                "options" => each(value, at, findings, |_, node, findings| tls::options(node, read, findings))
                    .map(|options| self.tls_options = options),
                _ => each(value, at, findings, |name, node, findings| tls::store(name, node, read, findings))
                    .map(|stores| self.tls_stores = stores),
            };
            done.map_err(|fault| fault.within(key))?;
        }
        Ok(())
    }
}

/// A middleware that cannot be built: its routers are disabled.
fn invalid(fault: Fault, findings: &mut Findings) -> Result<Middleware, Fault> {
    if fault.scope == Scope::File {
        return Err(fault);
    }
    findings.fault(&fault);
    Ok(Middleware::Invalid(fault.message))
}

/// Reads the objects of one kind. One that cannot be built is left out, with a finding.
fn each<T>(
    node: &Node,
    [top, kind]: [&str; 2],
    findings: &mut Findings,
    mut make: impl FnMut(&str, &Node, &mut Findings) -> Result<T, Fault>,
) -> Result<BTreeMap<Name, T>, Fault> {
    let mut made = BTreeMap::new();
    for (name, node) in written::group(node)? {
        findings.at(&[top, kind, name]);
        match make(name, node, findings) {
            Ok(object) => {
                made.insert(name.as_str().into(), object);
            }
            Err(fault) if fault.scope == Scope::Object => findings.fault(&fault),
            Err(fault) => return Err(fault.within(name)),
        }
    }
    Ok(made)
}
