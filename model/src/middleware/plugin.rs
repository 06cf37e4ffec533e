//! Plugins, which are programs for an interpreter that is not here: refused, with what does the same where there is
//! something.

/// Parts of the names of known plugins, with what does the same. A name is compared in lower case and without
/// punctuation, since users choose it freely; the first part that it contains counts.
const SUBSTITUTES: [(&str, &str); 30] = [
    ("cloudflare", "forwardedHeaders.trustedIPs of the entry point, with Cloudflare's networks, does the same"),
    ("realip", "forwardedHeaders.trustedIPs of the entry point does the same, with ipStrategy where the client counts"),
    ("crowdsec", "forwardAuth towards a bouncer does the same"),
    ("bouncer", "forwardAuth towards a bouncer does the same"),
    ("oidc", "forwardAuth towards an identity-aware proxy does the same"),
    ("oauth", "forwardAuth towards an identity-aware proxy does the same"),
    ("keycloak", "forwardAuth towards an identity-aware proxy does the same"),
    ("jwt", "forwardAuth towards a service that verifies tokens does the same"),
    ("ldap", "forwardAuth towards a service that asks the directory does the same"),
    ("apikey", "forwardAuth towards a service that knows the keys does the same"),
    ("apitoken", "forwardAuth towards a service that knows the tokens does the same"),
    ("htransformation", "headers does the same for values that are known"),
    ("rewriteheaders", "headers does the same for values that are known"),
    ("requestheaders", "headers does the same for values that are known"),
    ("responseheaders", "headers does the same for values that are known"),
    ("securityheaders", "headers does the same"),
    ("hsts", "headers does the same"),
    ("cors", "headers does the same"),
    ("rewritepath", "replacePathRegex does the same"),
    ("pathrewrite", "replacePathRegex does the same"),
    ("urlrewrite", "replacePathRegex does the same"),
    ("redirect", "redirectRegex does the same"),
    ("ratelimit", "rateLimit does the same"),
    ("bodylimit", "buffering does the same"),
    ("clientcert", "passTLSClientCert does the same"),
    ("tlsauth", "passTLSClientCert tells the backend the certificate, and forwardAuth can judge it"),
    ("ipwhitelist", "ipAllowList does the same"),
    ("ipallowlist", "ipAllowList does the same"),
    ("brotli", "compress does the same"),
    ("grpcweb", "grpcWeb does the same"),
];

/// Returns the reason why a middleware of the plugins of these names is not served.
pub fn refusal<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let each = names.into_iter().map(|name| match substitute(name) {
        Some(substitute) => format!("{name} cannot run here: {substitute}"),
        None => format!("{name} cannot run here, and no middleware of ours does the same"),
    });
    let each: Vec<_> = each.collect();
    if each.is_empty() { "plugin: none is named".to_owned() } else { format!("plugin: {}", each.join("; ")) }
}

fn substitute(name: &str) -> Option<&'static str> {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    SUBSTITUTES.iter().find(|(part, _)| name.contains(part)).map(|(_, substitute)| *substitute)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> String {
        refusal(names.iter().copied())
    }

    #[test]
    fn what_does_the_same_is_named() {
        for (name, words) in [
            ("traefik-real-ip", "forwardedHeaders.trustedIPs"),
            ("cloudflarewarp", "Cloudflare's networks"),
            ("crowdsec-bouncer-traefik-plugin", "forwardAuth"),
            ("traefikoidc", "forwardAuth"),
            ("htransformation", "headers does the same"),
            ("rewriteHeaders", "headers does the same"),
            ("geoblock", "no middleware of ours"),
            ("fail2ban", "no middleware of ours"),
            ("rewrite-body", "no middleware of ours"),
            ("sablier", "no middleware of ours"),
            ("themepark", "no middleware of ours"),
            ("statiq", "no middleware of ours"),
            ("é", "no middleware of ours"),
        ] {
            assert!(named(&[name]).contains(words), "{}", named(&[name]));
        }
        assert_eq!(named(&[]), "plugin: none is named");
        assert!(named(&["fail2ban", "jwt"]).contains("does the same; jwt cannot run here: forwardAuth"));
    }
}
