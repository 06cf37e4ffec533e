//! Compresses responses (`compress`).
//!
//! `accept` chooses the encoding when the request comes, this file decides by the response's head whether it is
//! compressed at all, `body` compresses the stream, `encoder` holds the codecs, `etag` keeps validators correct.

mod accept;
mod body;
mod content_type;
mod encoder;
mod etag;
#[cfg(test)]
mod tests;

use crate::flow::Flow;
use crate::{Body, Exchange, MiddlewareError, beginning, sniff, vary};
use accept::Accept;
pub(crate) use accept::Choice;
use body::CompressedBody;
use encoder::Encoder;
use flow_model::middleware::{self as spec, Encoding};
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderName,
    HeaderValue,
};
use http::{HeaderMap, Method, Response, StatusCode};
use http_body::Body as _;

/// A response with this header is not compressed by gzip (an option of Traefik's gzip library).
const NO_COMPRESSION: HeaderName = HeaderName::from_static("no-gzip-compression");
const GRPC: &str = "application/grpc";
const DEFAULT_MIN_LEN: u64 = 1024;

/// Compresses responses.
#[derive(Debug)]
pub struct Compress {
    accept: Accept,
    /// Media types in lower case; gRPC frames its own compression.
    excluded: Vec<String>,
    /// If not empty, only these are compressed.
    included: Vec<String>,
    min_len: u64,
}

impl Compress {
    pub(crate) fn new(spec: &spec::Compress) -> Result<Self, MiddlewareError> {
        if !spec.excluded_content_types.is_empty() && !spec.included_content_types.is_empty() {
            return Err(MiddlewareError::Exclusive("excludedContentTypes and includedContentTypes"));
        }
        let media_type =
            |text: &String| content_type::media_type(text).ok_or_else(|| MiddlewareError::MediaType(text.clone()));
        let mut excluded = vec![GRPC.to_owned()];
        for text in &spec.excluded_content_types {
            excluded.push(media_type(text)?);
        }
        Ok(Self {
            accept: Accept::new(&spec.encodings, spec.default_encoding)?,
            excluded,
            included: spec.included_content_types.iter().map(media_type).collect::<Result<_, _>>()?,
            min_len: spec.min_response_body_bytes.filter(|len| *len > 0).unwrap_or(DEFAULT_MIN_LEN),
        })
    }

    pub(crate) fn on_request(&self, exchange: &mut Exchange) -> Flow<Choice> {
        etag::strengthen(&mut exchange.head.headers);
        let head = &exchange.head;
        if head.method == Method::HEAD || self.excludes_request(&head.headers) || forbids_change(&head.headers) {
            return Flow::Pass;
        }
        self.accept.choose(&head.headers).map_or(Flow::Pass, Flow::Remember)
    }

    pub(crate) async fn on_response(&self, choice: Choice, response: &mut Response<Body>) {
        vary::by_encoding(response.headers_mut());
        let unwanted = choice.encoding == Encoding::Gzip && response.headers_mut().remove(NO_COMPRESSION).is_some();
        if choice.compresses && response.status() == StatusCode::NOT_MODIFIED {
            // The client holds a compressed response, so its tag is weak.
            etag::weaken(response.headers_mut());
        }
        if unwanted || !choice.compresses || !self.may_compress(choice.encoding, response) {
            return;
        }
        let exact = response.body().size_hint().exact();
        let known = content_length(response.headers()).or(exact);
        if known.is_some_and(|len| len < self.min_len) {
            return;
        }
        // Without a type, gzip's filter sniffs the first bytes; without a length, an empty response is left alone.
        let sniffs = choice.encoding == Encoding::Gzip
            && !response.headers().contains_key(CONTENT_TYPE)
            && (!self.included.is_empty() || self.excluded.len() > 1);
        let mut body = std::mem::take(response.body_mut());
        let mut first = None;
        if known.is_none() || sniffs {
            match beginning::first(body, !sniffs).await {
                beginning::First::Data(data, rest) => (first, body) = (Some(data), rest),
                beginning::First::End(rest) => {
                    *response.body_mut() = rest;
                    return;
                }
                beginning::First::Late(rest) => body = rest,
            }
        }
        if sniffs && !self.filter(sniff::media_type(first.as_deref().unwrap_or_default())) {
            *response.body_mut() = beginning::put_back(first, body);
            return;
        }
        match Encoder::new(choice.encoding, exact) {
            Ok(encoder) => {
                let prompt = known.is_none() || is_event_stream(response.headers());
                start(choice.encoding, response.headers_mut());
                *response.body_mut() = Body::boxed(CompressedBody::new(body, first, encoder, prompt));
            }
            Err(_) => *response.body_mut() = beginning::put_back(first, body),
        }
    }

    /// As in Traefik, the exclusions apply to the request's type too, by which gRPC and event streams are recognized.
    fn excludes_request(&self, headers: &HeaderMap) -> bool {
        let Some(text) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
        let is_excluded = |media_type: String| self.excluded.contains(&media_type);
        content_type::media_type(text).is_some_and(is_excluded)
    }

    /// Decides by everything in the head but the length.
    fn may_compress(&self, encoding: Encoding, response: &Response<Body>) -> bool {
        let headers = response.headers();
        let is_set = |name| headers.get(name).is_some_and(|value: &HeaderValue| !value.is_empty());
        let status = response.status().as_u16();
        // A range of the plain response is not a range of the compressed one (RFC 9110 section 14).
        if response.body().is_end_stream()
            || matches!(status, 100..=199 | 204 | 304)
            || is_set(CONTENT_ENCODING)
            || is_set(CONTENT_RANGE)
            || forbids_change(headers)
        {
            return false;
        }
        match headers.get(CONTENT_TYPE).filter(|value| !value.is_empty()) {
            // brotli and Zstandard compress responses without a type; gzip sniffs them first.
            None => encoding != Encoding::Gzip || self.included.is_empty() || !headers.contains_key(CONTENT_TYPE),
            Some(value) => match value.to_str().ok().and_then(content_type::media_type) {
                Some(media_type) => self.filter(&media_type),
                // For gzip's filter a malformed type only means that it is not in the list.
                None => encoding == Encoding::Gzip && self.included.is_empty(),
            },
        }
    }

    fn filter(&self, media_type: &str) -> bool {
        let is_in = |list: &[String]| list.iter().any(|entry| entry == media_type);
        (self.included.is_empty() || is_in(&self.included)) && !is_in(&self.excluded)
    }
}

fn start(encoding: Encoding, headers: &mut HeaderMap) {
    headers.remove(CONTENT_LENGTH);
    // Ranges would refer to the plain response.
    headers.remove(ACCEPT_RANGES);
    etag::weaken(headers);
    let name = match encoding {
        Encoding::Br => "br",
        Encoding::Gzip => "gzip",
        Encoding::Zstd => "zstd",
    };
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
}

/// True for `Cache-Control: no-transform` (RFC 9110 section 7.7, RFC 9111 sections 5.2.1.6 and 5.2.2.6).
fn forbids_change(headers: &HeaderMap) -> bool {
    let directives = headers.get_all(CACHE_CONTROL).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    directives.map(<[u8]>::trim_ascii).any(|directive| directive.eq_ignore_ascii_case(b"no-transform"))
}

/// The length; zero counts as unknown, as in Traefik's gzip library.
fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok().filter(|len| *len > 0)
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"))
}
