//! The encoding that a client gets (RFC 9110 section 12.5.3, with Traefik's preferences).

use crate::MiddlewareError;
use flow_model::middleware::Encoding;
use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// The encodings on offer.
#[derive(Debug)]
pub(super) struct Accept {
    /// The first is preferred at equal weight.
    encodings: Vec<Encoding>,
    default: Option<Encoding>,
}

/// The encoding chosen for a client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Choice {
    pub(super) encoding: Encoding,
    /// False if the choice shows in `Vary` only: Traefik's gzip half looks for `gzip` in the header's first line
    /// itself, with its weight, and does not find it in `*`.
    pub(super) compresses: bool,
}

/// A coding known to Traefik, in the order of preference at equal weight.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Coding {
    Any,
    Offered(usize, Encoding),
    Identity,
}

impl Accept {
    /// # Errors
    /// `Missing` if there are no encodings, `DefaultEncoding` if the default is not among them.
    pub(super) fn new(encodings: &[Encoding], default: Option<Encoding>) -> Result<Self, MiddlewareError> {
        if encodings.is_empty() {
            return Err(MiddlewareError::Missing { field: "encodings" });
        }
        if default.is_some_and(|default| !encodings.contains(&default)) {
            return Err(MiddlewareError::DefaultEncoding);
        }
        Ok(Self { encodings: encodings.to_vec(), default })
    }

    /// Chooses an encoding; `None` means neither compression nor `Vary`.
    pub(super) fn choose(&self, headers: &HeaderMap) -> Option<Choice> {
        let mut lines = headers.get_all(ACCEPT_ENCODING).iter().map(|line| line.to_str().unwrap_or_default());
        let first = lines.next();
        let encoding = match first {
            None => self.default?,
            Some(first) => {
                let lines = std::iter::once(first).chain(lines);
                let mut best: Option<(f64, Coding)> = None;
                for (coding, weight) in lines.flat_map(|line| line.split(',')).filter_map(|item| self.weigh(item)) {
                    let is_better = best.is_none_or(|(weighed, known)| {
                        weight > weighed || (weight == weighed && coding.rank() < known.rank())
                    });
                    if is_better {
                        best = Some((weight, coding));
                    }
                }
                match best?.1 {
                    Coding::Any => self.default.or_else(|| self.encodings.first().copied())?,
                    Coding::Identity => return None,
                    Coding::Offered(_, encoding) => encoding,
                }
            }
        };
        let compresses = encoding != Encoding::Gzip || takes_gzip(first.unwrap_or_default());
        Some(Choice { encoding, compresses })
    }

    fn weigh(&self, item: &str) -> Option<(Coding, f64)> {
        let (name, parameter) = item.split_once(';').map_or((item, None), |(name, rest)| (name, Some(rest)));
        // Codings and the name of the weight are case-insensitive (RFC 9110, sections 8.4.1 and 12.4.2).
        let coding = match name.trim_matches(SPACE) {
            "*" => Coding::Any,
            name if name.eq_ignore_ascii_case("identity") => Coding::Identity,
            name => {
                let is_it = |encoding: &Encoding| token(*encoding).eq_ignore_ascii_case(name);
                let index = self.encodings.iter().position(is_it)?;
                Coding::Offered(index, *self.encodings.get(index)?)
            }
        };
        let weight = match weight(parameter.unwrap_or_default()) {
            None => 1.0,
            Some(weight) => weight.parse::<f64>().unwrap_or_default(),
        };
        (weight != 0.0 && !weight.is_nan()).then_some((coding, weight))
    }
}

impl Coding {
    fn rank(self) -> usize {
        match self {
            Self::Any => 0,
            Self::Offered(index, _) => 1 + index,
            Self::Identity => usize::MAX,
        }
    }
}

fn token(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Br => "br",
        Encoding::Gzip => "gzip",
        Encoding::Zstd => "zstd",
    }
}

/// The whitespace allowed around an item and its parameter.
const SPACE: [char; 2] = [' ', '\t'];

/// The text behind `q=`.
fn weight(parameter: &str) -> Option<&str> {
    let parameter = parameter.trim_matches(SPACE);
    parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="))
}

fn takes_gzip(line: &str) -> bool {
    let mut items = line.split(',').map(|item| item.split(';').map(str::trim));
    let gzip = items.find_map(|mut item| item.next().filter(|name| name.eq_ignore_ascii_case("gzip")).map(|_| item));
    gzip.is_some_and(|parameters| {
        let mut weights = parameters.filter_map(weight);
        weights.next_back().is_none_or(|weight| weight.parse::<f64>().is_ok_and(|weight| weight > 0.0))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn chosen(encodings: &[Encoding], default: Option<Encoding>, lines: &[&'static str]) -> Option<(Encoding, bool)> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(ACCEPT_ENCODING, line.parse().unwrap());
        }
        let accept = Accept::new(encodings, default).unwrap();
        accept.choose(&headers).map(|choice| (choice.encoding, choice.compresses))
    }

    #[test]
    fn the_heaviest_wins_and_then_the_first_offered() {
        use Encoding::{Br, Gzip, Zstd};
        let all = [Gzip, Br, Zstd];
        for (lines, wanted) in [
            (&["gzip, br, zstd"][..], Some((Gzip, true))),
            (&["br;q=0.9, gzip;q=0.5"], Some((Br, true))),
            (&["zstd ; q=0.9,br; q=0.91"], Some((Br, true))),
            (&["gzip;q=0, br"], Some((Br, true))),
            (&["gzip;q=0"], None),
            (&["gzip;q=x"], None),
            (&["deflate"], None),
            (&[""], None),
            (&["identity"], None),
            (&["identity, gzip;q=0.5"], None),
            (&["identity;q=0.5, gzip"], Some((Gzip, true))),
            (&["*"], Some((Gzip, false))),
            (&["br, *"], Some((Gzip, false))),
            (&["*, gzip;q=0.1"], Some((Gzip, true))),
            (&["*;q=0.1, gzip;q=0"], Some((Gzip, false))),
            (&["gzip;q=-1"], Some((Gzip, false))),
            (&["*;q=0.1, br"], Some((Br, true))),
            (&["br", "gzip"], Some((Gzip, false))),
            (&["gzip;Q=0, br"], Some((Br, true))),
            (&["gzip;Q=0.5"], Some((Gzip, true))),
            (&["gzip;Q=0"], None),
            (&["br;q=0.5, gzip; Q=0.9"], Some((Gzip, true))),
            (&["GZIP,\tBR ;\tq=0"], Some((Gzip, true))),
            (&["Identity, gzip;q=0.5"], None),
            (&[], None),
        ] {
            assert_eq!(chosen(&all, None, lines), wanted, "{lines:?}");
        }
        assert_eq!(chosen(&[Br, Gzip], None, &["gzip, br"]), Some((Br, true)));
        assert_eq!(chosen(&[Br, Gzip], None, &["*"]), Some((Br, true)));
        assert_eq!(chosen(&[Br, Gzip], None, &["zstd"]), None);
        assert_eq!(chosen(&all, Some(Zstd), &[]), Some((Zstd, true)));
        assert_eq!(chosen(&all, Some(Zstd), &["*"]), Some((Zstd, true)));
    }

    #[test]
    fn something_must_be_offered() {
        assert!(Accept::new(&[], None).is_err());
        assert!(Accept::new(&[Encoding::Br], Some(Encoding::Gzip)).is_err());
    }
}
