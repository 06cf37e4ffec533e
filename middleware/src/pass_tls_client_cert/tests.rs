#![allow(clippy::unwrap_used, reason = "tests")]
use crate::testing::{chain, exchange, over_tls, passes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use rcgen::{CertificateParams, DnType, DnValue, KeyPair, SanType, SerialNumber, date_time_ymd};
use std::sync::Arc;

const EVERYTHING: &str = r#"{"passTLSClientCert": {"pem": true, "info": {"notAfter": true, "notBefore": true, "sans": true,
    "serialNumber": true,
    "subject": {"country": true, "province": true, "locality": true, "organization": true, "organizationalUnit": true,
                "commonName": true, "serialNumber": true, "domainComponent": true},
    "issuer": {"country": true, "province": true, "locality": true, "organization": true, "commonName": true,
               "serialNumber": true, "domainComponent": true}}}}"#;

/// A self-signed certificate of this name, in DER.
fn certificate(name: &[(DnType, DnValue)], alternatives: Vec<SanType>) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    for (kind, value) in name {
        params.distinguished_name.push(kind.clone(), value.clone());
    }
    params.serial_number = Some(SerialNumber::from_slice(&[1, 0, 0, 0, 0, 0, 0, 0, 0]));
    params.not_before = date_time_ymd(1969, 12, 31);
    params.not_after = date_time_ymd(2030, 1, 1);
    params.subject_alt_names = alternatives;
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
}

fn rich() -> Vec<u8> {
    let component = DnType::CustomDnType(vec![0, 9, 2342, 19_200_300, 100, 1, 25]);
    let serial = DnType::CustomDnType(vec![2, 5, 4, 5]);
    let ia5 = |text: &str| DnValue::Ia5String(text.try_into().unwrap());
    let name = [
        (DnType::CommonName, DnValue::Utf8String("*.exämple.test".into())),
        (serial, DnValue::PrintableString("42".try_into().unwrap())),
        (DnType::OrganizationalUnitName, DnValue::Utf8String("R&D".into())),
        (DnType::OrganizationName, DnValue::BmpString("Käse".try_into().unwrap())),
        (DnType::LocalityName, DnValue::TeletexString("Toulouse".try_into().unwrap())),
        (DnType::StateOrProvinceName, DnValue::Utf8String("a,b=\"c\"".into())),
        (DnType::CountryName, DnValue::PrintableString("FR".try_into().unwrap())),
        (component, ia5("org")),
    ];
    let alternatives = vec![
        SanType::URI("spiffe://a.test/b".try_into().unwrap()),
        SanType::IpAddress("::ffff:192.0.2.1".parse().unwrap()),
        SanType::IpAddress("2001:db8::1".parse().unwrap()),
        SanType::IpAddress("192.0.2.2".parse().unwrap()),
        SanType::Rfc822Name("a@b.test".try_into().unwrap()),
        SanType::DnsName("b.test".try_into().unwrap()),
        SanType::DnsName("a.test".try_into().unwrap()),
    ];
    certificate(&name, alternatives)
}

/// The headers that the backend gets from a client with these certificates.
async fn seen(spec: &str, certificates: &[Vec<u8>]) -> HeaderMap {
    let mut request = over_tls(exchange("GET", "/"));
    let connection = Arc::get_mut(&mut request.connection).unwrap();
    connection.tls.as_mut().unwrap().peer_certificates = certificates.into();
    request.head.headers.insert("x-forwarded-tls-client-cert", "forged".parse().unwrap());
    assert!(passes(&chain(&[spec]), &mut request).await);
    request.head.headers
}

fn unescaped(headers: &HeaderMap) -> String {
    let text = headers["x-forwarded-tls-client-cert-info"].to_str().unwrap();
    let query = format!("x={text}");
    let (_, text) = url::form_urlencoded::parse(query.as_bytes()).next().unwrap();
    text.into_owned()
}

#[tokio::test]
async fn every_field_is_told_in_traefik_s_order() {
    let rich = rich();
    let headers = seen(EVERYTHING, std::slice::from_ref(&rich)).await;
    assert_eq!(headers["x-forwarded-tls-client-cert"], STANDARD.encode(&rich));
    assert_eq!(
        unescaped(&headers),
        "Subject=\"DC=org,C=FR,ST=a,b=\"c\",L=Toulouse,O=Käse,OU=R&D,SN=42,CN=*.exämple.test\";\
         Issuer=\"DC=org,C=FR,ST=a,b=\"c\",L=Toulouse,O=Käse,SN=42,CN=*.exämple.test\";\
         SerialNumber=\"18446744073709551616\";NB=\"18446744073709465216\";NA=\"1893456000\";\
         SAN=\"b.test,a.test,a@b.test,192.0.2.1,2001:db8::1,192.0.2.2,spiffe://a.test/b\""
    );
    let escaped = &headers["x-forwarded-tls-client-cert-info"];
    assert!(escaped.to_str().unwrap().starts_with("Subject%3D%22DC%3Dorg%2CC%3DFR%2C"), "{escaped:?}");
    assert!(escaped.to_str().unwrap().contains("CN%3D%2A.ex%C3%A4mple.test%22%3BIssuer%3D"), "{escaped:?}");
}

#[tokio::test]
async fn only_what_is_wanted_is_told() {
    let rich = rich();
    for (info, told) in [
        ("{}", ""),
        (r#"{"subject": {}}"#, ""),
        (r#"{"subject": {"commonName": true}}"#, "Subject=\"CN=*.exämple.test\""),
        (r#"{"issuer": {"country": true, "commonName": true}}"#, "Issuer=\"C=FR,CN=*.exämple.test\""),
        (r#"{"notAfter": true}"#, "NA=\"1893456000\""),
    ] {
        let spec = format!(r#"{{"passTLSClientCert": {{"info": {info}}}}}"#);
        let headers = seen(&spec, std::slice::from_ref(&rich)).await;
        assert_eq!(unescaped(&headers), told, "{info}");
        assert_eq!(headers["x-forwarded-tls-client-cert"], "forged", "pem is off");
    }
}

#[tokio::test]
async fn certificates_of_a_chain_are_joined() {
    let small = |name: &str| certificate(&[(DnType::CommonName, DnValue::Utf8String(name.into()))], Vec::new());
    let (leaf, ca) = (small("leaf"), small("ca"));
    let spec = r#"{"passTLSClientCert": {"pem": true, "info": {"sans": true, "subject": {"commonName": true}}}}"#;
    let headers = seen(spec, &[leaf.clone(), ca.clone()]).await;
    assert_eq!(unescaped(&headers), "Subject=\"CN=leaf\",Subject=\"CN=ca\"");
    let both = [STANDARD.encode(&leaf), STANDARD.encode(&ca)].join(",");
    assert_eq!(headers["x-forwarded-tls-client-cert"], both);
}

#[tokio::test]
async fn without_a_certificate_nothing_is_told() {
    let headers = seen(EVERYTHING, &[]).await;
    assert!(headers.get("x-forwarded-tls-client-cert-info").is_none());
    let mut plain = exchange("GET", "/");
    assert!(passes(&chain(&[EVERYTHING]), &mut plain).await);
    assert_eq!(plain.head.headers.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_read_has_no_parts() {
    let headers = seen(EVERYTHING, &[vec![0x30, 0x82, 0xff]]).await;
    assert_eq!(headers["x-forwarded-tls-client-cert-info"], "");
    assert_eq!(headers["x-forwarded-tls-client-cert"], "MIL/");
}
