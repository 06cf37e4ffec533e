//! Cross-origin requests (the Fetch standard's CORS protocol) with Traefik's responses.

use super::value;
use crate::pattern::{self, Pattern};
use crate::{Body, MiddlewareError, response, vary};
use flow_model::middleware as spec;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, CONTENT_LENGTH, HeaderValue, ORIGIN,
};
use http::request::Parts;
use http::{HeaderMap, Method, Response, StatusCode};

/// The origins that may read responses, and the headers for browsers.
#[derive(Debug)]
pub(super) struct Cors {
    credentials: bool,
    origins: Vec<HeaderValue>,
    patterns: Vec<Pattern>,
    allow_headers: Listed,
    allow_methods: Listed,
    /// `None` if nothing is exposed, or everything with credentials, which browsers refuse.
    expose: Option<HeaderValue>,
    max_age: Option<HeaderValue>,
    add_vary: bool,
}

/// The values that a preflight is told are allowed.
#[derive(Debug)]
enum Listed {
    /// The values it asked for: `*` has no effect on a request with credentials.
    Asked,
    /// A fixed list.
    Fixed(HeaderValue),
    /// None.
    Nothing,
}

const TRUE: HeaderValue = HeaderValue::from_static("true");
const STAR: HeaderValue = HeaderValue::from_static("*");

impl Cors {
    /// `None` if no CORS option is configured.
    pub(super) fn new(spec: &spec::Headers) -> Result<Option<Self>, MiddlewareError> {
        let credentials = spec.access_control_allow_credentials;
        let exposed = &spec.access_control_expose_headers;
        let is_set = credentials
            || spec.add_vary_header
            || spec.access_control_max_age.is_some()
            || !exposed.is_empty()
            || !spec.access_control_allow_headers.is_empty()
            || !spec.access_control_allow_methods.is_empty()
            || !spec.access_control_allow_origin_list.is_empty()
            || !spec.access_control_allow_origin_list_regex.is_empty();
        if !is_set {
            return Ok(None);
        }
        let exposes_all = exposed.iter().any(|name| name == "*");
        let exposes = !exposed.is_empty() && (!credentials || !exposes_all);
        Ok(Some(Self {
            credentials,
            origins: spec
                .access_control_allow_origin_list
                .iter()
                .map(|origin| value(origin))
                .collect::<Result<_, _>>()?,
            patterns: spec
                .access_control_allow_origin_list_regex
                .iter()
                .map(|pattern| pattern::compile(pattern))
                .collect::<Result<_, _>>()?,
            allow_headers: Listed::new(&spec.access_control_allow_headers, credentials)?,
            allow_methods: Listed::new(&spec.access_control_allow_methods, credentials)?,
            expose: exposes.then(|| value(&exposed.join(","))).transpose()?,
            max_age: spec.access_control_max_age.map(HeaderValue::from),
            add_vary: spec.add_vary_header,
        }))
    }

    /// The response to a preflight; `None` if the request is not a preflight.
    pub(super) fn preflight(&self, head: &Parts) -> Option<Response<Body>> {
        let header = |name| head.headers.get(name).filter(|value| !value.is_empty());
        if head.method != Method::OPTIONS {
            return None;
        }
        let (method, origin) = (header(ACCESS_CONTROL_REQUEST_METHOD)?, header(ORIGIN)?);
        let mut response = response::empty(StatusCode::OK);
        let headers = response.headers_mut();
        headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
        if self.credentials {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
        if let Some(allowed) = self.allow_headers.value(header(ACCESS_CONTROL_REQUEST_HEADERS)) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
        }
        if let Some(allowed) = self.allow_methods.value(Some(method)) {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, allowed);
        }
        if let Some(allowed) = self.matched(Some(origin)) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        }
        if let Some(age) = &self.max_age {
            headers.insert(ACCESS_CONTROL_MAX_AGE, age.clone());
        }
        if let Some(exposed) = &self.expose {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone());
        }
        Some(response)
    }

    /// The origin that may read the response to this request.
    pub(super) fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        self.matched(headers.get(ORIGIN))
    }

    /// `encoded`: a middleware further out chose an encoding.
    pub(super) fn on_response(&self, origin: Option<HeaderValue>, encoded: bool, headers: &mut HeaderMap) {
        if let Some(origin) = origin {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
        if self.credentials {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
        if let Some(exposed) = &self.expose {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone());
        }
        if self.add_vary {
            vary::by_origin(headers, encoded);
        }
    }

    /// The matching origin. `origin` is `None` if the request has none: for Go an empty string, which `*` and
    /// expressions match too.
    fn matched(&self, origin: Option<&HeaderValue>) -> Option<HeaderValue> {
        for allowed in &self.origins {
            if origin.is_some_and(|origin| origin == allowed) {
                return Some(allowed.clone());
            }
            if *allowed == STAR {
                // Browsers reject `*` for a request with credentials.
                return if self.credentials { Some(or_empty(origin)) } else { Some(STAR) };
            }
        }
        let text = origin.map_or(Some(""), |origin| origin.to_str().ok())?;
        self.patterns.iter().any(|pattern| pattern.is_match(text)).then(|| or_empty(origin))
    }
}

impl Listed {
    fn new(list: &[String], credentials: bool) -> Result<Self, MiddlewareError> {
        if credentials && list.iter().any(|entry| entry == "*") {
            return Ok(Self::Asked);
        }
        let joined = list.join(",");
        Ok(if joined.is_empty() { Self::Nothing } else { Self::Fixed(value(&joined)?) })
    }

    fn value(&self, asked: Option<&HeaderValue>) -> Option<HeaderValue> {
        match self {
            Self::Asked => asked.cloned(),
            Self::Fixed(list) => Some(list.clone()),
            Self::Nothing => None,
        }
    }
}

fn or_empty(origin: Option<&HeaderValue>) -> HeaderValue {
    origin.cloned().unwrap_or_else(|| HeaderValue::from_static(""))
}
