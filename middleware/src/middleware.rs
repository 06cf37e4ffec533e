//! The kinds of middlewares, each compiled, as one enum.

use crate::around::Around;
use crate::basic_auth::BasicAuth;
use crate::compress::{self, Compress};
use crate::content_type::ContentType;
use crate::digest_auth::DigestAuth;
use crate::encoded_characters::EncodedCharacters;
use crate::flow::Flow;
use crate::forward_auth::{ForwardAuth, SetCookie};
use crate::grpc_web::{self, GrpcWeb};
use crate::headers::{self, Headers};
use crate::in_flight::{InFlightReq, Permit};
use crate::ip_allow_list::IpAllowList;
use crate::pass_tls_client_cert::PassTlsClientCert;
use crate::rate_limit::{Answer, RateLimit};
use crate::redirect::{RedirectRegex, RedirectScheme};
use crate::rewrite::{AddPrefix, ReplacePath, ReplacePathRegex, StripPrefix, StripPrefixRegex};
use crate::{Body, Exchange, RequestContext};
use http::Response;
use std::sync::Arc;

/// A compiled middleware: everything that does not depend on a request is computed in advance.
#[derive(Debug)]
#[non_exhaustive]
pub enum Middleware {
    /// Puts a prefix before the path.
    AddPrefix(AddPrefix),
    /// Runs what follows it as a whole; a chain is cut there.
    Around(Arc<dyn Around>),
    /// Asks for a user and a password.
    BasicAuth(Box<BasicAuth>),
    /// Runs others in order; a [`Chain`](crate::Chain) inlines them into its own steps.
    Chain(Box<[Arc<Self>]>),
    /// Compresses responses.
    Compress(Compress),
    /// Guesses the type of responses that have none.
    ContentType(ContentType),
    /// Asks for a user and a password by digests.
    DigestAuth(Box<DigestAuth>),
    /// Refuses requests with some percent-encoded characters in the path.
    EncodedCharacters(EncodedCharacters),
    /// Asks a server if a request may pass.
    ForwardAuth(Box<ForwardAuth>),
    /// Translates gRPC-Web.
    GrpcWeb(Box<GrpcWeb>),
    /// Sets headers of requests and responses, responds to CORS preflights, checks hosts.
    Headers(Box<Headers>),
    /// Limits the requests that are served at once.
    InFlightReq(InFlightReq),
    /// Lets only some clients pass.
    IpAllowList(IpAllowList),
    /// Tells the backend the client's certificate.
    PassTlsClientCert(Box<PassTlsClientCert>),
    /// Limits the rate of requests.
    RateLimit(RateLimit),
    /// Redirects by a regular expression on the URL.
    RedirectRegex(RedirectRegex),
    /// Redirects to another scheme.
    RedirectScheme(RedirectScheme),
    /// Replaces the path.
    ReplacePath(ReplacePath),
    /// Replaces the path by a regular expression.
    ReplacePathRegex(ReplacePathRegex),
    /// Takes a prefix off the path.
    StripPrefix(StripPrefix),
    /// Takes a prefix off the path by regular expressions.
    StripPrefixRegex(StripPrefixRegex),
}

/// The state that a middleware keeps of one exchange between its two phases.
#[derive(Debug)]
pub(crate) enum State {
    /// The encoding that the client gets.
    Compress(compress::Choice),
    /// The authentication server's cookies.
    ForwardAuth(Vec<SetCookie>),
    /// The form and the origin of a call.
    GrpcWeb(grpc_web::Call),
    /// The facts that headers depend on.
    Headers(headers::RequestFacts),
    /// The request's place among those in flight.
    InFlight(Permit),
}

impl Middleware {
    /// The kind, as configurations write it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::AddPrefix(_) => "addPrefix",
            Self::Around(around) => around.kind(),
            Self::BasicAuth(_) => "basicAuth",
            Self::Chain(_) => "chain",
            Self::Compress(_) => "compress",
            Self::ContentType(_) => "contentType",
            Self::DigestAuth(_) => "digestAuth",
            Self::EncodedCharacters(_) => "encodedCharacters",
            Self::ForwardAuth(_) => "forwardAuth",
            Self::GrpcWeb(_) => "grpcWeb",
            Self::Headers(_) => "headers",
            Self::InFlightReq(_) => "inFlightReq",
            Self::IpAllowList(_) => "ipAllowList",
            Self::PassTlsClientCert(_) => "passTLSClientCert",
            Self::RateLimit(_) => "rateLimit",
            Self::RedirectRegex(_) => "redirectRegex",
            Self::RedirectScheme(_) => "redirectScheme",
            Self::ReplacePath(_) => "replacePath",
            Self::ReplacePathRegex(_) => "replacePathRegex",
            Self::StripPrefix(_) => "stripPrefix",
            Self::StripPrefixRegex(_) => "stripPrefixRegex",
        }
    }

    /// True if it keeps something from one request for others, such as a budget: each router has its own then. One that
    /// keeps nothing may be shared by routers.
    #[must_use]
    pub const fn has_state(&self) -> bool {
        match self {
            // Those that the first two run may have state.
            Self::Around(_)
            | Self::Chain(_)
            | Self::BasicAuth(_)
            | Self::DigestAuth(_)
            | Self::ForwardAuth(_)
            | Self::InFlightReq(_)
            | Self::RateLimit(_) => true,
            Self::AddPrefix(_)
            | Self::Compress(_)
            | Self::ContentType(_)
            | Self::EncodedCharacters(_)
            | Self::GrpcWeb(_)
            | Self::Headers(_)
            | Self::IpAllowList(_)
            | Self::PassTlsClientCert(_)
            | Self::RedirectRegex(_)
            | Self::RedirectScheme(_)
            | Self::ReplacePath(_)
            | Self::ReplacePathRegex(_)
            | Self::StripPrefix(_)
            | Self::StripPrefixRegex(_) => false,
        }
    }

    /// The first phase.
    pub(crate) async fn on_request(&self, exchange: &mut Exchange, context: &mut RequestContext<'_>) -> Flow<State> {
        let stateless = match self {
            Self::AddPrefix(it) => it.on_request(exchange),
            Self::BasicAuth(it) => it.on_request(exchange, context).await,
            // Chains are inlined and cut: no step is one of the first two. The third looks at responses only.
            Self::Around(_) | Self::Chain(_) | Self::ContentType(_) => Flow::Pass,
            Self::Compress(it) => {
                let flow = it.on_request(exchange);
                context.encoded |= matches!(flow, Flow::Remember(_));
                return flow.map(State::Compress);
            }
            Self::DigestAuth(it) => it.on_request(exchange, context),
            Self::EncodedCharacters(it) => it.on_request(exchange),
            // Boxed, so that the future of every other request stays small.
            Self::ForwardAuth(it) => return Box::pin(it.on_request(exchange, context)).await.map(State::ForwardAuth),
            Self::GrpcWeb(it) => return it.on_request(exchange).map(State::GrpcWeb),
            Self::Headers(it) => return it.on_request(exchange, context.encoded).map(State::Headers),
            Self::InFlightReq(it) => return it.on_request(exchange).map(State::InFlight),
            Self::IpAllowList(it) => it.on_request(exchange),
            Self::PassTlsClientCert(it) => it.on_request(exchange),
            Self::RateLimit(it) => {
                let decided = match it.question(exchange) {
                    // Boxed: few limits are shared, and every request would carry the question's size.
                    Some(question) => Box::pin(question.ask()).await,
                    None => Answer::Alone,
                };
                let decision = match decided {
                    Answer::Decided(decision) => decision,
                    Answer::Alone => it.take(exchange),
                };
                it.on_request(decision).await
            }
            Self::RedirectRegex(it) => it.on_request(exchange),
            Self::RedirectScheme(it) => it.on_request(exchange),
            Self::ReplacePath(it) => it.on_request(exchange),
            Self::ReplacePathRegex(it) => it.on_request(exchange),
            Self::StripPrefix(it) => it.on_request(exchange),
            Self::StripPrefixRegex(it) => it.on_request(exchange),
        };
        stateless.map(|none| match none {})
    }

    /// The second phase.
    pub(crate) async fn on_response(&self, state: Option<State>, response: &mut Response<Body>) {
        match (self, state) {
            (Self::Compress(it), Some(State::Compress(choice))) => it.on_response(choice, response).await,
            // Boxed, so that the future of every other response stays small.
            (Self::ContentType(it), None) => Box::pin(it.on_response(response)).await,
            (Self::ForwardAuth(it), Some(State::ForwardAuth(cookies))) => it.on_response(&cookies, response),
            (_, Some(State::GrpcWeb(call))) => GrpcWeb::on_response(call, response),
            (Self::Headers(it), Some(State::Headers(facts))) => it.on_response(facts, response),
            (_, Some(State::InFlight(permit))) => InFlightReq::on_response(permit, response),
            (Self::Headers(it), None) => it.on_response(headers::RequestFacts::default(), response),
            _ => {}
        }
    }
}
