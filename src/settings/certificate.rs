//! `certificatesResolvers.NAME` and `acme`: certificates that are issued here.

use super::scalar::{Hours, Secret};
use super::schema::{choice, section, words_of};
use flow_acme::resolvers::{CERTIFICATES_DURATION, KeyType, LETS_ENCRYPT};
use std::path::PathBuf;
use std::time::Duration;

section! {
    /// A source of certificates that routers and entry points can name.
    CertificateResolver {
        /// An ACME certificate authority.
        acme: Option<AcmeResolver> = None, "acme";
        also unserved {
            "tailscale": "Certificates from Tailscale.";
        }
    }

    /// An ACME certificate authority.
    AcmeResolver {
        /// The address to register with.
        email: String = String::new(), "email";
        /// The directory of the authority.
        ca_server: String = LETS_ENCRYPT.to_owned(), "caServer";
        /// The file of account and certificates (read once); what is issued is in Secrets of a cluster, else in the folder FILE.d.
        storage: PathBuf = "acme.json".into(), "storage";
        /// The key of certificates: EC256, EC384, RSA2048, RSA4096 or RSA8192, which takes minutes to make.
        key_type: KeyType = KeyType::Rsa4096, "keyType";
        /// The common name of the chain to prefer.
        preferred_chain: String = String::new(), "preferredChain";
        /// The authority's certificate profile.
        profile: String = String::new(), "profile";
        /// E-mail addresses of the certificate request.
        email_addresses: Vec<String> = Vec::new(), "emailAddresses";
        /// No common name in the certificate request.
        disable_common_name: bool = false, "disableCommonName";
        /// Binds to an account outside of ACME.
        eab: Option<ExternalAccount> = None, "eab";
        /// How long certificates live, in hours; another than 2160 decides when they are renewed, as in Traefik.
        certificates_duration: Hours = Hours(CERTIFICATES_DURATION), "certificatesDuration";
        /// The longest that an exchange with the authority may take.
        client_timeout: Duration = Duration::from_secs(120), "clientTimeout";
        /// The longest wait for the head of the authority's answer.
        client_response_header_timeout: Duration = Duration::from_secs(30), "clientResponseHeaderTimeout";
        /// How long a certificate is waited for at least: an order that the authority works on is never given up.
        certificate_timeout: Duration = Duration::from_secs(30), "certificateTimeout";
        /// Files of CAs that the authority's own certificate may come from.
        ca_certificates: Vec<String> = Vec::new(), "caCertificates";
        /// Trusts the system's CAs beside caCertificates.
        ca_system_cert_pool: bool = false, "caSystemCertPool";
        /// The name in the authority's own certificate.
        ca_server_name: String = String::new(), "caServerName";
        /// Proves names by HTTP on port 80.
        http_challenge: Option<HttpChallenge> = None, "httpChallenge";
        /// Proves names by TLS on port 443.
        tls_challenge: Option<TlsChallenge> = None, "tlsChallenge";
        /// Proves names, and wildcards, by a TXT record that stays, where the authority has dns-persist-01 (not in Traefik).
        dns_persist_challenge: bool = false, "dnsPersistChallenge";
        also unserved {
            "dnsChallenge": "Proves names by DNS records.";
        }
    }

    /// Binds to an account outside of ACME.
    ExternalAccount {
        /// The identifier of the outside account's key.
        kid: String = String::new(), "kid", required;
        /// The outside account's key, in base64.
        hmac_encoded: Secret = Secret::default(), "hmacEncoded", required;
    }

    /// HTTP-01.
    HttpChallenge {
        /// The entry point that the authority reaches; all without TLS if none is named.
        entry_point: Option<String> = None, "entryPoint";
        /// How long after a challenge is there the authority is asked to look.
        delay: Duration = Duration::ZERO, "delay";
    }

    /// TLS-ALPN-01.
    TlsChallenge {
        /// How long after a challenge is there the authority is asked to look.
        delay: Duration = Duration::ZERO, "delay";
    }

    /// Certificates for cert-manager's objects (not in Traefik).
    Acme {
        /// cert-manager's objects: auto serves them where their CRDs are and no cert-manager runs, force without looking, off never; certificatesResolvers work in any mode.
        mode: AcmeMode = AcmeMode::Auto, "mode";
        /// The issuer of Ingresses that only say `kubernetes.io/tls-acme: "true"`.
        default_issuer: Option<DefaultIssuer> = None, "defaultIssuer";
        /// The namespace of ClusterIssuers' Secrets; the proxy's own if none is named.
        cluster_resource_namespace: String = String::new(), "clusterResourceNamespace";
        /// The DNS servers, `address:port`, that are asked for the records of dns-persist-01; the system's if none is named.
        name_servers: Vec<String> = Vec::new(), "nameServers";
        /// The folder of account and certificates that manifests ask for, without a cluster.
        storage: PathBuf = "acme".into(), "storage";
    }

    /// An issuer.
    DefaultIssuer {
        /// Its name.
        name: String = String::new(), "name", required;
        /// Issuer or ClusterIssuer.
        kind: String = "ClusterIssuer".to_owned(), "kind";
        /// Its group.
        group: String = "cert-manager.io".to_owned(), "group";
    }
}

choice! {
    /// The conditions under which cert-manager's objects are served.
    AcmeMode = Auto {
        /// If their CRDs are installed and no cert-manager runs.
        Auto = "auto";
        /// Always.
        Force = "force";
        /// Never.
        Off = "off";
    }
}

words_of! {
    KeyType {
        Ec256 = "EC256";
        Ec384 = "EC384";
        Rsa2048 = "RSA2048";
        Rsa4096 = "RSA4096";
        Rsa8192 = "RSA8192";
    }
}
