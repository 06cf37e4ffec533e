//! Advice for the causes of a certificate's not being ready.

use super::cause::Cause;

/// Returns what to do; `None` for ACME errors that an operator cannot do anything about.
pub(super) fn advice(cause: Cause<'_>) -> Option<&'static str> {
    Some(match cause {
        Cause::Account => "correct the issuer: its server, e-mail address or external account binding",
        Cause::Acme(kind) => return refused(kind),
        Cause::Conflict => "give each Certificate a secretName of its own",
        Cause::ForeignClass => "name an Ingress class of this proxy in the issuer's solver",
        Cause::Held => {
            "find out who deletes or rewrites the Secret, or whose clock or renewBefore is wrong; flow-proxy cert \
             renew does not wait"
        }
        Cause::Issuer => "correct the issuer; what is wrong with it stands above",
        Cause::NoIssuer => "create the issuer, or correct spec.issuerRef of the Certificate",
        Cause::NoReplica => "no endpoint of the proxy's Service is ready: kubectl get endpointslices",
        Cause::OtherIssuer => {
            "name an issuer of cert-manager.io with spec.acme, spec.ca or spec.selfSigned in spec.issuerRef; for any \
             other, run cert-manager in the namespaces that need it"
        }
        Cause::Record => "create the TXT record that is named; it stays, and serves every renewal too",
        Cause::Reference => {
            "correct spec.issuerRef of the Certificate: kind is ClusterIssuer or Issuer (the default), group \
             cert-manager.io"
        }
        Cause::Replica => {
            "the pod that is named does not answer its token: see its log, and whether the Service's endpoints are \
             right"
        }
        Cause::TooManyNames => "make several Certificates of it, or choose another profile in the issuer",
        Cause::Unreachable => {
            "the CA cannot be reached: check spec.acme.server of the issuer, and whether pods may reach it; it is \
             tried again"
        }
        Cause::Window => {
            "correct spec.renewal.windows: cron has five fields, timezone a name such as Europe/Berlin, windowDuration \
             a form such as 2h"
        }
        Cause::Wildcard => {
            "name the hosts one by one, or annotate the issuer with flow-proxy.ominis.ai/challenge-type: DNS-PERSIST-01, \
             where its CA has that: DNS-01 is not solved here"
        }
    })
}

/// Advice for an error of ACME (RFC 8555 §6.7).
fn refused(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "accountDoesNotExist" => {
            "the CA does not know the account: delete the Secret of its key, and it is registered anew"
        }
        "caa" => "the CAA records of the domain forbid this CA: add one that allows it",
        "connection" => {
            "port 80 of the name must lead to this proxy from the internet: check load balancer, firewall and DNS"
        }
        "dns" => "the name must have an A or AAAA record that leads to the load balancer",
        "incorrectResponse" | "unauthorized" => {
            "somebody else answers for this name on port 80: its DNS record leads elsewhere, or another proxy is in \
             front"
        }
        "rateLimited" => {
            "wait: it is tried again when the CA allows it; many orders for the same names use up its limits"
        }
        "rejectedIdentifier" => "the CA does not issue for this name: correct it, or use another CA",
        _ => return None,
    })
}
