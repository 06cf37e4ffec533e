//! The known name that was probably meant by a misspelt one.

/// The least similarity of two names, from 0 to 1, to suggest one for the other.
const MIN_LIKENESS: f64 = 0.6;
/// The number of letters that a slip may change, add, leave out or swap.
const MAX_SLIP: usize = 2;

/// Returns the name that is most like `written`, if one is similar enough. Case does not count.
pub fn name<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_lowercase();
    names
        .into_iter()
        .map(|name| (strsim::normalized_damerau_levenshtein(&written, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= MIN_LIKENESS)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

/// True if `written` is `name` but for one or two letters, or for its case.
#[must_use]
pub fn is_slip(written: &str, name: &str) -> bool {
    let (written, name) = (written.to_lowercase(), name.to_lowercase());
    name.len() > 2 * MAX_SLIP && strsim::damerau_levenshtein(&written, &name) <= MAX_SLIP
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_alike_is_meant() {
        assert_eq!(name("Middelware", ["MiddlewareTCP", "Middleware", "TLSStore"]), Some("Middleware"));
        assert_eq!(name("router-middlewares", ["router.middlewares", "router.tls"]), Some("router.middlewares"));
        assert_eq!(name("nothing", ["router.tls"]), None);
    }

    #[test]
    fn a_slip_is_a_letter_or_two() {
        assert!(is_slip("ingres", "Ingress") && is_slip("TREAFIK", "traefik") && is_slip("Trafik", "traefik"));
        assert!(!is_slip("nginx", "traefik") && !is_slip("pod", "node"));
    }
}
