//! Advice for reasons why a certificate is not ready.

/// Words to find in a reason, and the advice for it.
const ADVICE: [(&[&str], &str); 20] = [
    (
        &["there is at most one an hour"],
        "find out who deletes or rewrites the Secret, or whose clock or renewBefore is wrong; flow-proxy cert renew does \
         not wait",
    ),
    (
        &["flow-proxy issues by ACME only", "is that of another signer"],
        "name an issuer of cert-manager.io with spec.acme in spec.issuerRef; for any other, run cert-manager",
    ),
    (
        &["issuerRef.kind", "issuerRef.group"],
        "correct spec.issuerRef of the Certificate: kind is ClusterIssuer or Issuer (the default), group cert-manager.io",
    ),
    (
        &["not found: clusterissuer", "not found: issuer"],
        "create the issuer, or correct spec.issuerRef of the Certificate",
    ),
    (&["issuer does not have a Ready"], "correct the issuer; what is wrong with it stands above"),
    (
        &["ErrRegisterACMEAccount", "Failed to register ACME account", "Failed to update ACME account"],
        "correct the issuer: its server, e-mail address or external account binding",
    ),
    (&["needs a DNS-01 solver"], "name the hosts one by one: wildcards need DNS-01, which is not solved here"),
    (&["split the Certificate"], "make several Certificates of it, or choose another profile in the issuer"),
    (&["conflicting Certificates", "is filled by Certificate"], "give each Certificate a secretName of its own"),
    (
        &["rateLimited"],
        "wait: it is tried again when the CA allows it; many orders for the same names use up its limits",
    ),
    (&["rejectedIdentifier"], "the CA does not issue for this name: correct it, or use another CA"),
    (&["urn:ietf:params:acme:error:caa"], "the CAA records of the domain forbid this CA: add one that allows it"),
    (
        &["error:dns", "could not resolve", "NXDOMAIN", "SERVFAIL", "no valid A records"],
        "the name must have an A or AAAA record that leads to the load balancer",
    ),
    (
        &["error:connection", "Timeout during connect", "connection refused"],
        "port 80 of the name must lead to this proxy from the internet: check load balancer, firewall and DNS",
    ),
    (
        &["error:unauthorized", "error:incorrectResponse"],
        "somebody else answers for this name on port 80: its DNS record leads elsewhere, or another proxy is in front",
    ),
    (
        &["(replica "],
        "the pod that is named does not answer its token: see its log, and whether the Service's endpoints are right",
    ),
    (&["no replica is ready"], "no endpoint of the proxy's Service is ready: kubectl get endpointslices"),
    (&["is not served by flow-proxy"], "name an Ingress class of this proxy in the issuer's solver"),
    (
        &["accountDoesNotExist"],
        "the CA does not know the account: delete the Secret of its key, and it is registered anew",
    ),
    (
        &["503", "Temporarily", "no answer in time", "error trying to connect"],
        "the CA cannot be reached: check spec.acme.server of the issuer, and whether pods may reach it; it is tried again",
    ),
];

/// The first advice that fits. `reasons` come deepest first: the challenge's before the Certificate's.
pub(super) fn advice<'a>(reasons: impl IntoIterator<Item = &'a str>) -> Option<&'static str> {
    reasons.into_iter().find_map(|reason| {
        let fits = |words: &&[&str]| words.iter().any(|word| reason.contains(word));
        ADVICE.iter().find(|(words, _)| fits(words)).map(|(_, advice)| *advice)
    })
}
