//! Name constraints of a CA (RFC 5280 §4.2.1.10).

use super::asn1;
use super::extension::{ADDRESS, DNS, Extension, MAIL, NAME_CONSTRAINTS, URI, ascii};
use crate::objects::{NameConstraintItem, NameConstraints};
use std::net::IpAddr;

/// Returns the extension; `None` if nothing is constrained.
///
/// # Errors
/// The entry that cannot be in a certificate.
pub(super) fn extension(constraints: &NameConstraints) -> Result<Option<Extension>, String> {
    let mut parts = Vec::new();
    for (number, item) in [(0, &constraints.permitted), (1, &constraints.excluded)] {
        let subtrees = item.as_ref().map_or_else(|| Ok(Vec::new()), subtrees)?;
        if !subtrees.is_empty() {
            parts.push(asn1::within(number, &subtrees.concat()));
        }
    }
    let value = asn1::sequence(&parts);
    Ok((!parts.is_empty()).then_some(Extension { oid: NAME_CONSTRAINTS, critical: constraints.critical, value }))
}

fn subtrees(item: &NameConstraintItem) -> Result<Vec<Vec<u8>>, String> {
    let mut subtrees = Vec::new();
    for (choice, texts) in [(DNS, &item.dns_domains), (MAIL, &item.email_addresses), (URI, &item.uri_domains)] {
        for text in texts {
            subtrees.push(asn1::sequence(&[ascii(choice, text)?]));
        }
    }
    for text in &item.ip_ranges {
        let range = range(text).ok_or_else(|| text.clone())?;
        subtrees.push(asn1::sequence(&[asn1::as_context(ADDRESS, &range)]));
    }
    Ok(subtrees)
}

/// Returns the address of a range, such as 10.0.0.0/8, followed by its mask.
fn range(text: &str) -> Option<Vec<u8>> {
    let (address, length) = text.split_once('/')?;
    let length: u32 = length.parse().ok()?;
    let octets = match address.parse().ok()? {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let bits = u32::try_from(octets.len()).ok()? * 8;
    if length > bits {
        return None;
    }
    let mask: Vec<u8> = (0..bits / 8).map(|at| octet(length.saturating_sub(at * 8).min(8))).collect();
    let network = octets.iter().zip(&mask).map(|(octet, mask)| octet & mask);
    Some(network.chain(mask.iter().copied()).collect())
}

/// Returns an octet with this many ones at its beginning, at most 8.
fn octet(ones: u32) -> u8 {
    u8::MAX.checked_shl(8 - ones).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn ranges_are_addresses_with_masks() {
        assert_eq!(range("10.1.2.3/12").unwrap(), [10, 0, 0, 0, 255, 240, 0, 0]);
        assert_eq!(range("0.0.0.0/0").unwrap(), [0; 8]);
        assert_eq!(range("192.0.2.1/32").unwrap(), [192, 0, 2, 1, 255, 255, 255, 255]);
        assert_eq!(range("2001:db8::/32").unwrap()[16..22], [255, 255, 255, 255, 0, 0]);
        for wrong in ["10.0.0.0", "10.0.0.0/33", "x/8", "10.0.0.0/-1"] {
            assert_eq!(range(wrong), None, "{wrong}");
        }
        let item = NameConstraintItem { dns_domains: vec!["ü.example".to_owned()], ..NameConstraintItem::default() };
        let constraints = NameConstraints { permitted: Some(item), ..NameConstraints::default() };
        assert_eq!(extension(&constraints), Err("ü.example".to_owned()));
        assert_eq!(extension(&NameConstraints::default()), Ok(None));
    }
}
