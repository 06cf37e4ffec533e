//! DNS-PERSIST-01 (draft-ietf-acme-dns-persist): a TXT record that stays proves a name, and all below it. It names the CA
//! and the account, so that nobody needs the right to change DNS records while certificates are issued and renewed.

mod query;

pub(crate) use query::texts;

use jiff::Timestamp;

/// The label below which the record of a name is.
const LABEL: &str = "_validation-persist";

/// Returns the name of the record for a domain.
#[must_use]
pub fn record_name(domain: &str) -> String {
    format!("{LABEL}.{domain}")
}

/// A record: an issue-value of RFC 8659 section 4.2.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Record {
    /// Domain name of the CA.
    pub(crate) issuer: String,
    /// URL of the account.
    pub(crate) account: String,
    /// True if wildcards are proved too.
    pub(crate) wildcard: bool,
    /// The time after which it proves nothing, in seconds since 1970.
    pub(crate) until: Option<i64>,
}

impl std::fmt::Display for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}; accounturi={}", self.issuer, self.account)?;
        if self.wildcard {
            f.write_str("; policy=wildcard")?;
        }
        self.until.map_or(Ok(()), |until| write!(f, "; persistUntil={until}"))
    }
}

impl Record {
    /// Reads a record, as CAs do: keys and policies in any case, unknown keys ignored. `None` if it is none.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(|part| part.trim_matches([' ', '\t']));
        let mut record = Self { issuer: parts.next()?.to_ascii_lowercase(), ..Self::default() };
        let mut seen = Vec::new();
        for part in parts {
            let (key, value) = part.split_once('=')?;
            let key = key.trim_matches([' ', '\t']).to_ascii_lowercase();
            let value = value.trim_matches([' ', '\t']);
            if seen.contains(&key) {
                return None;
            }
            match key.as_str() {
                "accounturi" => value.clone_into(&mut record.account),
                "policy" => record.wildcard = value.eq_ignore_ascii_case("wildcard"),
                "persistuntil" => record.until = Some(value.parse().ok()?),
                _ => {}
            }
            seen.push(key);
        }
        (!record.issuer.is_empty() && !record.account.is_empty()).then_some(record)
    }
}

/// Returns the record that proves a name to a CA. `issuers` are the names by which the CA goes, divided by spaces.
#[must_use]
pub fn record(issuers: &str, account: &str, wildcard: bool) -> String {
    let issuer = issuers.split(' ').next().unwrap_or_default().to_owned();
    Record { issuer, account: account.to_owned(), wildcard, until: None }.to_string()
}

/// Checks that one of the records found is what `wanted` is, to a CA that goes by one of `issuers`.
///
/// # Errors
/// The nearest record's fault, in words.
pub(crate) fn check(found: &[String], wanted: &str, issuers: &str, now: Timestamp) -> Result<(), String> {
    let Some(wanted) = Record::read(wanted) else { return Err("the CA names no issuer".to_owned()) };
    let mut fault = if found.is_empty() { "there is no such record" } else { "the records there are for other CAs" };
    for record in found {
        let Some(record) = Record::read(record) else {
            if record.contains("accounturi") {
                fault = "a record there cannot be read";
            }
            continue;
        };
        if !issuers.split(' ').any(|issuer| issuer.eq_ignore_ascii_case(&record.issuer)) {
            continue;
        }
        if record.account != wanted.account {
            fault = "the record there names another account";
        } else if wanted.wildcard && !record.wildcard {
            fault = "the record there lacks policy=wildcard";
        } else if record.until.is_some_and(|until| until <= now.as_second()) {
            fault = "the persistUntil of the record there is over";
        } else {
            return Ok(());
        }
    }
    Err(fault.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "https://ca.example/acct/1";

    fn fault(found: &[&str], wildcard: bool) -> Option<String> {
        let found: Vec<_> = found.iter().map(|text| (*text).to_owned()).collect();
        let wanted = record("ca.example ca.test", ACCOUNT, wildcard);
        check(&found, &wanted, "ca.example ca.test", Timestamp::UNIX_EPOCH).err()
    }

    #[test]
    fn the_record_to_create_is_the_one_that_is_looked_for() {
        let wanted = record("ca.example ca.test", ACCOUNT, true);
        assert_eq!(wanted, "ca.example; accounturi=https://ca.example/acct/1; policy=wildcard");
        assert_eq!(record_name("a.example"), "_validation-persist.a.example");
        assert_eq!(fault(&["v=spf1 -all", &wanted], true), None);
        assert_eq!(fault(&[&wanted], false), None, "a wider record proves the name itself");
    }

    #[test]
    fn cas_read_records_in_any_case_and_ignore_what_they_do_not_know() {
        let text = " CA.test ;\tAccountURI = https://ca.example/acct/1 ; Policy=WILDCARD; persistUntil=99; new=1";
        assert_eq!(fault(&[text], true), None);
    }

    #[test]
    fn the_fault_of_the_nearest_record_is_told() {
        let cases = [
            (&[][..], "there is no such record"),
            (&["v=spf1 -all", "other.example; accounturi=x"], "the records there are for other CAs"),
            (&["ca.example; accounturi=https://ca.example/acct/2"], "the record there names another account"),
            (&["ca.example; accounturi=https://ca.example/acct/1"], "the record there lacks policy=wildcard"),
            (
                &["ca.example; accounturi=https://ca.example/acct/1; policy=wildcard; persistUntil=0"],
                "the persistUntil of the record there is over",
            ),
            (&["ca.example; accounturi=a; accounturi=b"], "a record there cannot be read"),
        ];
        for (found, words) in cases {
            assert_eq!(fault(found, true).as_deref(), Some(words), "{found:?}");
        }
    }
}
