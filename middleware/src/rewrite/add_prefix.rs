use crate::flow::Flow;
use crate::{Exchange, MiddlewareError, path};
use flow_model::middleware as spec;

/// Puts a prefix before the path.
#[derive(Debug)]
pub struct AddPrefix {
    prefix: String,
    escaped: String,
    /// True if escaping does not change it.
    is_plain: bool,
}

impl AddPrefix {
    pub(crate) fn new(spec: &spec::AddPrefix) -> Result<Self, MiddlewareError> {
        if spec.prefix.is_empty() {
            return Err(MiddlewareError::Missing { field: "prefix" });
        }
        let mut prefix = spec.prefix.clone();
        if !prefix.starts_with('/') {
            prefix.insert(0, '/');
        }
        let escaped = path::escape(prefix.as_bytes());
        Ok(Self { is_plain: escaped == prefix, escaped, prefix })
    }

    pub(crate) fn on_request(&self, exchange: &mut Exchange) -> Flow {
        let raw = path::current(exchange);
        let path = if self.is_plain || path::is_plain(raw) {
            [&*self.escaped, raw].concat()
        } else {
            let mut decoded = self.prefix.clone().into_bytes();
            match path::unescape(raw) {
                Ok(rest) => decoded.extend_from_slice(&rest),
                Err(_) => decoded.extend_from_slice(raw.as_bytes()),
            }
            path::escaped(&decoded, &[&*self.prefix, raw].concat()).into_owned()
        };
        path::replace(exchange, &path);
        Flow::Pass
    }
}
