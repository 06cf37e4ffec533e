use super::tree::{InvalidOption, Node};
use crate::view::annotations::Annotations;
use flow_model::config::{Cookie, Sticky};
use flow_model::name::Name;

/// Options of a Service, from the annotations `service.…`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct ServiceOptions {
    pub(super) middlewares: Vec<Name>,
    /// The native load balancer; `None` is the provider's default.
    pub(super) native_lb: Option<bool>,
    pub(super) node_port_lb: bool,
    pub(super) pass_host_header: bool,
    /// The scheme of servers; empty is made from the port.
    pub(super) servers_scheme: String,
    pub(super) servers_transport: Name,
    pub(super) sticky: Option<Sticky>,
}

impl Default for ServiceOptions {
    fn default() -> Self {
        Self {
            middlewares: Vec::new(),
            native_lb: None,
            node_port_lb: false,
            pass_host_header: true,
            servers_scheme: String::new(),
            servers_transport: Name::default(),
            sticky: None,
        }
    }
}

impl ServiceOptions {
    pub(super) fn read(annotations: &Annotations) -> Result<Self, InvalidOption> {
        let mut options = Self::default();
        let Some(tree) = Node::read(annotations, "service")? else { return Ok(options) };
        for node in &tree.children {
            match node.name.as_str() {
                "middlewares" => options.middlewares = node.list()?,
                "nativelb" => options.native_lb = Some(node.boolean()?),
                "nodeportlb" => options.node_port_lb = node.boolean()?,
                "passhostheader" => options.pass_host_header = node.boolean()?,
                "serversscheme" => node.text()?.clone_into(&mut options.servers_scheme),
                "serverstransport" => options.servers_transport = node.text()?.into(),
                "sticky" => options.sticky = sticky(node)?,
                _ => return node.unknown(),
            }
        }
        Ok(options)
    }
}

fn sticky(group: &Node) -> Result<Option<Sticky>, InvalidOption> {
    group.switch(read_sticky)
}

fn read_sticky(group: &Node) -> Result<Sticky, InvalidOption> {
    let mut sticky = Sticky::default();
    for node in &group.children {
        match node.name.as_str() {
            "cookie" => sticky.cookie = cookie(node)?,
            _ => return node.unknown(),
        }
    }
    Ok(sticky)
}

fn cookie(group: &Node) -> Result<Option<Cookie>, InvalidOption> {
    group.switch(read_cookie)
}

fn read_cookie(group: &Node) -> Result<Cookie, InvalidOption> {
    let mut cookie = Cookie { path: Some("/".to_owned()), ..Cookie::default() };
    for node in &group.children {
        match node.name.as_str() {
            "domain" => node.text()?.clone_into(&mut cookie.domain),
            // A field of Traefik's that no user sets: known, without effect.
            "expires" => node.leaf()?,
            "httponly" => cookie.http_only = node.boolean()?,
            "maxage" => cookie.max_age = node.number()?,
            "name" => node.text()?.clone_into(&mut cookie.name),
            "path" => cookie.path = Some(node.text()?.to_owned()),
            "samesite" => node.text()?.clone_into(&mut cookie.same_site),
            "secure" => cookie.secure = node.boolean()?,
            _ => return node.unknown(),
        }
    }
    Ok(cookie)
}
