//! The text about one certificate, as Traefik words it: `Subject="…";Issuer="…";SerialNumber="…";NB="…";NA="…";SAN="…"`.

use super::name::{Parts, distinguished_name};
use flow_model::middleware::{ClientCertInfo, IssuerInfo, SubjectInfo};
use std::net::{Ipv4Addr, Ipv6Addr};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

/// The wanted parts of the certificate `der`; empty if it cannot be read.
pub(super) fn text(wanted: &ClientCertInfo, der: &[u8]) -> String {
    let Ok((_, certificate)) = parse_x509_certificate(der) else {
        tracing::debug!("passTLSClientCert: the client's certificate cannot be read");
        return String::new();
    };
    let name = |name, parts: Option<Parts>| parts.map(|parts| distinguished_name(name, &parts)).unwrap_or_default();
    let validity = certificate.validity();
    // A time before 1970 wraps, as in Traefik.
    let seconds = |wanted: bool, seconds: i64| if wanted { seconds.cast_unsigned().to_string() } else { String::new() };
    [
        ("Subject", name(certificate.subject(), wanted.subject.as_ref().map(of_subject))),
        ("Issuer", name(certificate.issuer(), wanted.issuer.as_ref().map(of_issuer))),
        ("SerialNumber", if wanted.serial_number { certificate.serial.to_string() } else { String::new() }),
        ("NB", seconds(wanted.not_before, validity.not_before.timestamp())),
        ("NA", seconds(wanted.not_after, validity.not_after.timestamp())),
        ("SAN", if wanted.sans { alternative_names(&certificate).join(",") } else { String::new() }),
    ]
    .iter()
    .filter(|(_, text)| !text.is_empty())
    .map(|(key, text)| format!("{key}=\"{text}\""))
    .collect::<Vec<_>>()
    .join(";")
}

fn of_subject(wanted: &SubjectInfo) -> Parts {
    Parts {
        domain_component: wanted.domain_component,
        country: wanted.country,
        province: wanted.province,
        locality: wanted.locality,
        organization: wanted.organization,
        organizational_unit: wanted.organizational_unit,
        serial_number: wanted.serial_number,
        common_name: wanted.common_name,
    }
}

fn of_issuer(wanted: &IssuerInfo) -> Parts {
    Parts {
        domain_component: wanted.domain_component,
        country: wanted.country,
        province: wanted.province,
        locality: wanted.locality,
        organization: wanted.organization,
        organizational_unit: false,
        serial_number: wanted.serial_number,
        common_name: wanted.common_name,
    }
}

/// The alternative names: those of DNS first, then those of mail, addresses and URIs.
fn alternative_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let mut ranked: Vec<_> = extension.value.general_names.iter().filter_map(ranked).collect();
    // Stable: the order within a kind is the certificate's.
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, name)| name).collect()
}

fn ranked(name: &GeneralName<'_>) -> Option<(u8, String)> {
    match name {
        GeneralName::DNSName(name) => Some((0, (*name).to_owned())),
        GeneralName::RFC822Name(name) => Some((1, (*name).to_owned())),
        GeneralName::IPAddress(bytes) => {
            let address = if let Ok(bytes) = <[u8; 4]>::try_from(*bytes) {
                Ipv4Addr::from(bytes).to_string()
            } else {
                let address = Ipv6Addr::from(<[u8; 16]>::try_from(*bytes).ok()?);
                address.to_canonical().to_string()
            };
            Some((2, address))
        }
        GeneralName::URI(name) => Some((3, (*name).to_owned())),
        _ => None,
    }
}
