use super::content::{ReadFile, inline, text};
use super::fault::{Fault, Scope};
use super::keys::unknown;
use super::node::Node;
use super::service::several;
use super::written::Written;
use flow_model::middleware::{Middleware, plugin};
use serde::Deserialize as _;

/// Traefik's kinds: those of the model, and plugins.
const KINDS: [&str; 26] = [
    "addPrefix",
    "basicAuth",
    "buffering",
    "chain",
    "circuitBreaker",
    "compress",
    "contentType",
    "digestAuth",
    "encodedCharacters",
    "errors",
    "forwardAuth",
    "grpcWeb",
    "headers",
    "inFlightReq",
    "ipAllowList",
    "ipWhiteList",
    "passTLSClientCert",
    "plugin",
    "rateLimit",
    "redirectRegex",
    "redirectScheme",
    "replacePath",
    "replacePathRegex",
    "retry",
    "stripPrefix",
    "stripPrefixRegex",
];

/// Reads a middleware; files that it names are read in.
pub(super) fn middleware(node: &Node, read: ReadFile<'_>) -> Result<Middleware, Fault> {
    for (key, _) in node.entries() {
        if !KINDS.iter().any(|kind| kind.eq_ignore_ascii_case(key)) {
            return Err(unknown(key, &KINDS));
        }
    }
    let [(kind, options)] = node.entries() else {
        let kinds: Vec<_> = node.entries().iter().map(|(kind, _)| kind.as_str()).collect();
        return Err(if kinds.is_empty() { Fault::new(Scope::Object, "it has no kind") } else { several(&kinds) });
    };
    if kind.eq_ignore_ascii_case("plugin") {
        let names = options.entries().iter().map(|(name, _)| name.as_str());
        return Err(Fault::new(Scope::Object, plugin::refusal(names)).within(kind));
    }
    let mut node = node.clone();
    let options = node.entry_mut(kind);
    if let Some(options) = options {
        files(options, read).map_err(|fault| fault.within(kind))?;
    }
    Middleware::deserialize(Written(&node))
}

/// Puts the content of files in the place of their names.
fn files(options: &mut Node, read: ReadFile<'_>) -> Result<(), Fault> {
    if let Some(file) = options.take("usersFile")
        && let Some(file) = file.text().filter(|file| !file.is_empty())
    {
        let object = |error| Fault::new(Scope::Object, format!("{error}")).within("usersFile");
        let lines = text(file, read).map_err(object)?;
        let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut users: Vec<_> = lines.map(|line| Node::Scalar(line.to_owned())).collect();
        match options.take("users") {
            Some(Node::List(more)) => users.extend(more),
            Some(Node::Scalar(more)) if !more.is_empty() => {
                users.extend(more.split(',').map(|user| Node::Scalar(user.trim().to_owned())));
            }
            _ => {}
        }
        if let Node::Map(entries) = options {
            entries.push(("users".to_owned(), Node::List(users)));
        }
    }
    if let Node::Map(entries) = options {
        for (key, value) in entries {
            if key.eq_ignore_ascii_case("tls") {
                inline(value, &["ca", "cert", "key"], read).map_err(|(field, error)| {
                    Fault::new(Scope::Object, error.to_string()).within(&field).within(key)
                })?;
            } else if matches!(value, Node::Map(_)) {
                files(value, read).map_err(|fault| fault.within(key))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_has_every_kind_but_plugins() {
        for kind in KINDS.iter().filter(|kind| **kind != "plugin") {
            let node = Node::Map(vec![((*kind).to_owned(), Node::Map(Vec::new()))]);
            let read = Middleware::deserialize(Written(&node));
            assert!(read.is_ok(), "{kind}: {read:?}");
        }
    }
}
