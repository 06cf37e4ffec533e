//! The checks that cert-manager does in a webhook (`internal/apis/certmanager/validation`), as schemas and CEL rules of
//! the definitions. Lengths and numbers of items are bounded where a rule reads them: an API server takes no definition
//! whose rules could cost too much.

use serde_json::{Value, json};

/// A rule of the part of a spec at `path`, and the message of a refusal.
pub(super) struct Rule {
    pub(super) path: &'static str,
    pub(super) rule: String,
    pub(super) message: String,
}

/// An addition to the schema of a part of a spec.
pub(super) type Shape = (&'static str, Value);

fn rule(path: &'static str, rule: impl Into<String>, message: &str) -> Rule {
    Rule { path, rule: rule.into(), message: message.to_owned() }
}

/// A DNS name as Kubernetes names objects (RFC 1123).
const OBJECT_NAME: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
/// A duration as Go writes it.
const DURATION: &str = "^([0-9]+([.][0-9]+)?(ns|us|µs|ms|s|m|h))+$";
const EMAIL: &str = "^[^@<>,; ]+@[^@<>,; ]+$";
const V4: &str = "((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])[.]){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])";
/// The longest text of a duration, and of names of objects, in characters.
const MAX_TEXT: u32 = 253;
/// The greatest number of names of one sort.
const MAX_NAMES: u32 = 1000;

const USAGES: [&str; 23] = [
    "signing",
    "digital signature",
    "content commitment",
    "key encipherment",
    "key agreement",
    "data encipherment",
    "cert sign",
    "crl sign",
    "encipher only",
    "decipher only",
    "any",
    "server auth",
    "client auth",
    "code signing",
    "email protection",
    "s/mime",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "timestamping",
    "ocsp signing",
    "microsoft sgc",
    "netscape sgc",
];

fn ip() -> String {
    let h = "[0-9a-fA-F]{1,4}";
    let v6 = [
        format!("({h}:){{7}}{h}"),
        format!("({h}:){{1,7}}:"),
        format!("({h}:){{1,6}}:{h}"),
        format!("({h}:){{1,5}}(:{h}){{1,2}}"),
        format!("({h}:){{1,4}}(:{h}){{1,3}}"),
        format!("({h}:){{1,3}}(:{h}){{1,4}}"),
        format!("({h}:){{1,2}}(:{h}){{1,5}}"),
        format!("{h}:(:{h}){{1,6}}"),
        format!(":((:{h}){{1,7}}|:)"),
        format!("({h}(:{h}){{0,3}})?::({h}:){{0,4}}{V4}"),
        format!("({h}:){{6}}{V4}"),
    ];
    format!("^({V4}|{})$", v6.join("|"))
}

fn matches(pattern: &str) -> String {
    format!("self.matches('{pattern}')")
}

/// Returns the condition that one of these texts or lists is there and not empty.
fn any_of(fields: &[impl std::fmt::Display]) -> String {
    let there = |field| format!("(has(self.{field}) && size(self.{field}) > 0)");
    fields.iter().map(there).collect::<Vec<_>>().join(" || ")
}

/// Returns the rules of the signer.
fn issuer_ref(path: &'static str) -> [Rule; 2] {
    [
        rule(path, "self.name != ''", "issuerRef.name must name an issuer"),
        rule(
            path,
            "!has(self.kind) || self.kind in ['', 'Issuer', 'ClusterIssuer'] || (has(self.group) && !(self.group in ['', \
             'cert-manager.io']))",
            "issuerRef.kind must be Issuer or ClusterIssuer; the kind of another signer needs its issuerRef.group too",
        ),
    ]
}

fn issuer_ref_shapes() -> [Shape; 3] {
    ["issuerRef.name", "issuerRef.kind", "issuerRef.group"].map(|path| (path, json!({ "maxLength": MAX_TEXT })))
}

/// Returns the rules of Certificates.
pub(super) fn certificate() -> Vec<Rule> {
    let mut rules = vec![
        rule("secretName", "self != ''", "secretName must name a Secret"),
        rule(
            "secretName",
            format!("self == '' || {}", matches(OBJECT_NAME)),
            "secretName must be a name that a Secret can have: lower-case letters, digits, - and .",
        ),
        rule(
            "",
            any_of(&[
                "commonName",
                "literalSubject",
                "dnsNames",
                "ipAddresses",
                "uris",
                "emailAddresses",
                "otherNames",
            ]),
            "at least one of commonName, dnsNames, ipAddresses, uris, emailAddresses, otherNames or literalSubject must be set",
        ),
        rule("ipAddresses.*", matches(&ip()), "ipAddresses must be IP addresses, such as 192.0.2.1 or 2001:db8::1"),
        rule("emailAddresses.*", matches(EMAIL), "emailAddresses must be mail addresses and nothing else"),
        rule("uris.*", matches("^[a-zA-Z][-+.a-zA-Z0-9]*:"), "uris must have a scheme, such as spiffe://"),
    ];
    rules.extend(issuer_ref("issuerRef"));
    rules.extend(subject());
    rules.extend(times());
    rules.extend(keys());
    rules.extend(secret());
    rules
}

fn subject() -> Vec<Rule> {
    let parts = [
        "organizations",
        "countries",
        "organizationalUnits",
        "localities",
        "provinces",
        "streetAddresses",
        "postalCodes",
        "serialNumber",
    ];
    let parts = any_of(&parts.map(|part| format!("subject.{part}")));
    let no_literal = "!has(self.literalSubject) || self.literalSubject == ''";
    vec![
        rule(
            "",
            format!("{no_literal} || !has(self.commonName) || self.commonName == ''"),
            "literalSubject and commonName cannot both be set: write CN= in literalSubject",
        ),
        rule(
            "",
            format!("{no_literal} || !has(self.subject) || !({parts})"),
            "literalSubject and subject cannot both be set",
        ),
        rule(
            "literalSubject",
            format!("self == '' || {}", matches("^[A-Za-z0-9.]+ *=")),
            "literalSubject must be like CN=a.example,O=Example",
        ),
        rule(
            "nameConstraints",
            "has(self.permitted) || has(self.excluded)",
            "nameConstraints needs permitted or excluded",
        ),
        rule("", "!has(self.nameConstraints) || (has(self.isCA) && self.isCA)", "nameConstraints needs isCA: true"),
    ]
}

fn times() -> Vec<Rule> {
    let valid = |field: &str| format!("!has(self.{field}) || !self.{field}.matches('{DURATION}')");
    let lifetime = format!(
        "(has(self.duration) && self.duration.matches('{DURATION}') ? duration(self.duration) : duration('2160h'))"
    );
    let left = format!("{lifetime}.getSeconds() * (100 - self.renewBeforePercentage) / 100");
    let windows = "!has(self.windows) || size(self.windows) == 0";
    vec![
        rule("duration", matches(DURATION), "duration must be like 2160h or 90m"),
        rule("renewBefore", matches(DURATION), "renewBefore must be like 360h or 90m"),
        rule(
            "",
            format!("{} || duration(self.duration) >= duration('1h')", valid("duration")),
            "duration must be at least 1h",
        ),
        rule(
            "",
            format!("{} || duration(self.renewBefore) >= duration('5m')", valid("renewBefore")),
            "renewBefore must be at least 5m",
        ),
        rule(
            "",
            format!("{} || duration(self.renewBefore) < {lifetime}", valid("renewBefore")),
            "renewBefore must be shorter than duration, which is 2160h where it is not set",
        ),
        rule(
            "",
            "!(has(self.renewBefore) && has(self.renewBeforePercentage))",
            "renewBefore and renewBeforePercentage are mutually exclusive",
        ),
        rule(
            "",
            "!has(self.renewBeforePercentage) || (self.renewBeforePercentage > 0 && self.renewBeforePercentage < 100)",
            "renewBeforePercentage must be between 1 and 99",
        ),
        rule(
            "",
            format!("!has(self.renewBeforePercentage) || self.renewBeforePercentage > 99 || {left} >= 300"),
            "renewBeforePercentage must leave at least 5m of duration",
        ),
        rule(
            "renewal",
            "has(self.policy) && self.policy in ['RenewBefore', 'Disabled']",
            "renewal.policy must be RenewBefore or Disabled",
        ),
        rule(
            "renewal",
            format!("!has(self.policy) || self.policy != 'Disabled' || {windows}"),
            "renewal.windows cannot be set where renewal.policy is Disabled",
        ),
        rule("renewal.windows.*", "has(self.windowDuration)", "each of renewal.windows needs a windowDuration"),
        rule("revisionHistoryLimit", "self >= 1", "revisionHistoryLimit must be at least 1"),
    ]
}

fn keys() -> Vec<Rule> {
    let algorithm = "has(self.privateKey) && has(self.privateKey.algorithm)";
    let signature = |key: &str, hashes: &str| {
        let same = if key == "RSA" {
            format!("!({algorithm}) || self.privateKey.algorithm == 'RSA'")
        } else {
            format!("{algorithm} && self.privateKey.algorithm == '{key}'")
        };
        rule(
            "",
            format!("!has(self.signatureAlgorithm) || !({same}) || self.signatureAlgorithm in [{hashes}]"),
            &format!("signatureAlgorithm does not fit a private key of the kind {key}: one of {hashes}"),
        )
    };
    let either = "(has(self.password) ? 1 : 0) + (has(self.passwordSecretRef) && self.passwordSecretRef.name != '' ? 1 : 0) \
                  == 1";
    let mut rules = vec![
        rule(
            "privateKey",
            "(has(self.algorithm) && self.algorithm != 'RSA') || !has(self.size) || self.size == 0 || (self.size >= 2048 && \
             self.size <= 8192)",
            "privateKey.size must be from 2048 to 8192 for RSA",
        ),
        rule(
            "privateKey",
            "!has(self.algorithm) || self.algorithm != 'ECDSA' || !has(self.size) || self.size in [0, 256, 384, 521]",
            "privateKey.size must be 256, 384 or 521 for ECDSA",
        ),
        signature("RSA", "'SHA256WithRSA', 'SHA384WithRSA', 'SHA512WithRSA'"),
        signature("ECDSA", "'ECDSAWithSHA256', 'ECDSAWithSHA384', 'ECDSAWithSHA512'"),
        signature("Ed25519", "'PureEd25519'"),
    ];
    for path in ["keystores.jks", "keystores.pkcs12"] {
        rules.push(rule(path, either, "a key store needs one of password and passwordSecretRef"));
        rules.push(rule(
            path,
            "!has(self.password) || self.password != ''",
            "the password of a key store cannot be empty",
        ));
    }
    rules
}

fn secret() -> Vec<Rule> {
    vec![
        rule(
            "secretTemplate.annotations",
            "self.all(name, !name.startsWith('cert-manager.io/') || name == 'cert-manager.io/allow-direct-injection')",
            "secretTemplate.annotations cannot have names of cert-manager.io/",
        ),
        rule(
            "secretTemplate.labels",
            "self.all(name, self[name].matches('^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$'))",
            "secretTemplate.labels must have values that a label can have",
        ),
        rule(
            "additionalOutputFormats",
            "self.all(one, self.exists_one(other, one.type == other.type))",
            "additionalOutputFormats cannot name a type twice",
        ),
    ]
}

/// Returns the bounds that rules of Certificates need, and those of cert-manager's own schema.
pub(super) fn certificate_shapes() -> Vec<Shape> {
    let mut shapes = vec![
        ("secretName", json!({ "maxLength": MAX_TEXT })),
        ("commonName", json!({ "maxLength": 64 })),
        ("duration", json!({ "maxLength": MAX_TEXT })),
        ("renewBefore", json!({ "maxLength": MAX_TEXT })),
        ("ipAddresses", json!({ "maxItems": MAX_NAMES })),
        ("ipAddresses.*", json!({ "maxLength": 45 })),
        ("emailAddresses", json!({ "maxItems": MAX_NAMES })),
        ("emailAddresses.*", json!({ "maxLength": 320 })),
        ("uris", json!({ "maxItems": MAX_NAMES })),
        ("uris.*", json!({ "maxLength": 2048 })),
        ("usages.*", json!({ "enum": USAGES })),
        ("additionalOutputFormats", json!({ "maxItems": 8 })),
        ("additionalOutputFormats.*.type", json!({ "enum": ["DER", "CombinedPEM"] })),
        ("secretTemplate.annotations", json!({ "maxProperties": 256 })),
        ("secretTemplate.labels", json!({ "maxProperties": 256 })),
        ("secretTemplate.labels.=", json!({ "maxLength": 63 })),
        ("literalSubject", json!({ "maxLength": 4096 })),
        (
            "+signatureAlgorithm",
            json!({
                "type": "string",
                "description": "How the request is signed: it follows from the key here.",
                "enum": ["SHA256WithRSA", "SHA384WithRSA", "SHA512WithRSA", "ECDSAWithSHA256", "ECDSAWithSHA384",
                         "ECDSAWithSHA512", "PureEd25519"],
            }),
        ),
        ("renewal.windows", json!({ "maxItems": 64 })),
    ];
    shapes.extend(issuer_ref_shapes());
    shapes
}

/// Returns the rules of CertificateRequests: their specs never change.
pub(super) fn request() -> Vec<Rule> {
    let mut rules = vec![
        rule("", "self == oldSelf", "the spec cannot be changed after creation"),
        rule("request", "self != ''", "request must be a signing request: PEM in base64"),
    ];
    rules.extend(issuer_ref("issuerRef"));
    rules
}

pub(super) fn request_shapes() -> Vec<Shape> {
    let mut shapes = vec![("usages.*", json!({ "enum": USAGES }))];
    shapes.extend(issuer_ref_shapes());
    shapes
}

/// Returns the rules of the status of CertificateRequests: a decision is final.
pub(super) fn request_status() -> Vec<Rule> {
    let has = |kind: &str| format!("self.conditions.exists(c, c.type == '{kind}')");
    let kept = |kind: &str| {
        rule(
            "",
            format!(
                "!has(oldSelf.conditions) || oldSelf.conditions.all(o, o.type != '{kind}' || (has(self.conditions) && \
                 self.conditions.exists(c, c.type == o.type && c.status == o.status)))"
            ),
            &format!("the condition {kind} cannot be changed once it is set"),
        )
    };
    vec![
        rule(
            "",
            format!("!has(self.conditions) || !({} && {})", has("Approved"), has("Denied")),
            "a request cannot be both Approved and Denied",
        ),
        rule(
            "",
            "!has(self.conditions) || self.conditions.all(c, !(c.type in ['Approved', 'Denied']) || c.status == 'True')",
            "the conditions Approved and Denied can only be True",
        ),
        kept("Approved"),
        kept("Denied"),
    ]
}

pub(super) fn request_status_shapes() -> Vec<Shape> {
    vec![
        (
            "conditions",
            json!({ "maxItems": 32, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"] }),
        ),
        ("conditions.*.type", json!({ "maxLength": 316 })),
        ("conditions.*.status", json!({ "enum": ["True", "False", "Unknown"], "maxLength": 7 })),
    ]
}

/// Returns the rules of Orders and Challenges.
pub(super) fn unchanged() -> Vec<Rule> {
    vec![rule("", "self == oldSelf", "the spec cannot be changed after creation")]
}

const TYPES: [&str; 5] = ["acme", "ca", "selfSigned", "vault", "venafi"];

/// Returns the rules of Issuers and ClusterIssuers.
pub(super) fn issuer() -> Vec<Rule> {
    let count = |fields: &[&str]| fields.iter().map(|field| format!("(has(self.{field}) ? 1 : 0)")).collect::<Vec<_>>();
    let types = count(&TYPES).join(" + ");
    vec![
        rule("", format!("({types}) >= 1"), "an issuer needs a type: acme, ca, selfSigned, vault or venafi"),
        rule("", format!("({types}) <= 1"), "an issuer can have one type only: acme, ca, selfSigned, vault or venafi"),
        rule(
            "acme.server",
            "self.startsWith('https://') || self.startsWith('http://')",
            "acme.server must be the URL of an ACME directory",
        ),
        rule(
            "acme.email",
            format!("self == '' || {}", matches(EMAIL)),
            "acme.email must be a mail address and nothing else",
        ),
        rule("acme.privateKeySecretRef", "self.name != ''", "acme.privateKeySecretRef.name must name a Secret"),
        rule(
            "acme",
            "!has(self.caBundle) || self.caBundle == '' || !has(self.skipTLSVerify) || !self.skipTLSVerify",
            "acme.caBundle and acme.skipTLSVerify are mutually exclusive",
        ),
        rule("acme.externalAccountBinding", "self.keyID != ''", "externalAccountBinding needs a keyID"),
        rule(
            "acme.externalAccountBinding.keySecretRef",
            "self.name != '' && has(self.key) && self.key != ''",
            "externalAccountBinding.keySecretRef needs a name and a key",
        ),
        rule("acme.solvers.*", "has(self.http01) != has(self.dns01)", "a solver needs one of http01 and dns01"),
        rule(
            "acme.solvers.*.http01",
            "has(self.ingress) != has(self.gatewayHTTPRoute)",
            "http01 needs one of ingress and gatewayHTTPRoute",
        ),
        rule(
            "acme.solvers.*.http01.ingress",
            "(has(self.class) ? 1 : 0) + (has(self.ingressClassName) ? 1 : 0) + (has(self.name) && self.name != '' ? 1 : 0) <= \
             1",
            "only one of ingressClassName, class and name can be set",
        ),
        rule(
            "acme.solvers.*.http01.ingress.ingressClassName",
            matches(OBJECT_NAME),
            "ingressClassName must be the name of an IngressClass",
        ),
        rule("ca", "self.secretName != ''", "ca.secretName must name a Secret"),
        rule("vault", "self.server != '' && self.path != ''", "vault needs server and path"),
    ]
}

pub(super) fn issuer_shapes() -> Vec<Shape> {
    let text = || json!({ "type": "string", "maxLength": 4096 });
    vec![
        ("acme.server", json!({ "maxLength": 2048 })),
        ("acme.email", json!({ "maxLength": 320 })),
        ("acme.preferredChain", json!({ "maxLength": 64 })),
        ("acme.privateKeySecretRef.name", json!({ "maxLength": MAX_TEXT })),
        ("acme.externalAccountBinding.keyID", json!({ "maxLength": 4096 })),
        ("acme.externalAccountBinding.keySecretRef.name", json!({ "maxLength": MAX_TEXT })),
        ("acme.externalAccountBinding.keySecretRef.key", json!({ "maxLength": MAX_TEXT })),
        ("acme.solvers", json!({ "maxItems": 256 })),
        ("acme.solvers.*.http01.ingress.ingressClassName", json!({ "maxLength": MAX_TEXT })),
        ("acme.solvers.*.http01.ingress.name", json!({ "maxLength": MAX_TEXT })),
        (
            "acme.solvers.*.http01.ingress.+serviceType",
            json!({
                "type": "string", "description": "Of a solver's Service: there is none here.",
                "enum": ["", "ClusterIP", "NodePort"],
            }),
        ),
        ("ca.secretName", json!({ "maxLength": MAX_TEXT })),
        ("vault", json!({ "required": ["server", "path"], "properties": { "server": text(), "path": text() } })),
    ]
}
