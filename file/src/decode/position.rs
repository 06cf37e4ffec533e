//! Lines and columns of keys and values. They are looked for only when there is something to say about them: the text is
//! then read again up to there.

use super::node::Format;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// A place in a text, counted from 1.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Place {
    pub(crate) line: usize,
    /// In characters.
    pub(crate) column: usize,
}

/// Returns the place of a byte.
pub(super) fn place_at(text: &str, offset: usize) -> Place {
    let before = text.get(..offset).unwrap_or(text);
    let begin = before.rfind('\n').map_or(0, |end| end + 1);
    Place {
        line: before.matches('\n').count() + 1,
        column: before.get(begin..).unwrap_or_default().chars().count() + 1,
    }
}

/// Returns the place of the value at `path`, or of its key; of what is around it if it is not there itself, as with
/// YAML's merged keys.
pub(crate) fn locate(text: &str, format: Format, path: &[String], at_key: bool) -> Option<Place> {
    let without_mark = text.strip_prefix('\u{feff}').unwrap_or(text);
    (0..=path.len()).rev().find_map(|depth| {
        let seed = Seek { path: path.get(..depth)?, at_key: at_key || depth < path.len() };
        match format {
            Format::Toml => {
                let error = seed.deserialize(toml::Deserializer::parse(without_mark).ok()?).err()?;
                error.span().map(|span| place_at(without_mark, span.start))
            }
            Format::Yaml => {
                let document = serde_yaml_ng::Deserializer::from_str(without_mark).next()?;
                let at = seed.deserialize(document).err()?.location()?;
                Some(Place { line: at.line(), column: at.column() })
            }
        }
    })
}

/// Fails at the place that is looked for, so that the parser tells where that is.
#[derive(Clone, Copy)]
struct Seek<'a> {
    path: &'a [String],
    at_key: bool,
}

/// A key; fails if it is the one that is looked for and the key is what is asked about.
struct Key<'a> {
    wanted: &'a str,
    fails: bool,
}

const FOUND: &str = "found";

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Seek<'_> {
    /// Fails if this is the place.
    fn here<E: Error>(&self) -> Result<(), E> {
        if self.path.is_empty() { Err(E::custom(FOUND)) } else { Ok(()) }
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.here()?;
        let Some((wanted, path)) = self.path.split_first() else { return Ok(()) };
        let fails = self.at_key && path.is_empty();
        while let Some(is_wanted) = map.next_key_seed(Key { wanted, fails })? {
            if is_wanted {
                map.next_value_seed(Self { path, ..self })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.here()?;
        let Some((wanted, path)) = self.path.split_first() else { return Ok(()) };
        for index in 0.. {
            let next = if format!("[{index}]") == *wanted {
                items.next_element_seed(Self { path, ..self })?
            } else {
                items.next_element::<IgnoredAny>()?.map(drop)
            };
            if next.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.here()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.here()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.here()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.here()
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.here()
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.here()
    }
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Key<'_> {
    fn is<E: Error>(&self, key: &str) -> Result<bool, E> {
        let is_wanted = key == self.wanted;
        if is_wanted && self.fails { Err(E::custom(FOUND)) } else { Ok(is_wanted) }
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        self.is(key)
    }

    fn visit_i64<E: Error>(self, key: i64) -> Result<bool, E> {
        self.is(&key.to_string())
    }

    fn visit_u64<E: Error>(self, key: u64) -> Result<bool, E> {
        self.is(&key.to_string())
    }

    fn visit_bool<E: Error>(self, key: bool) -> Result<bool, E> {
        self.is(&key.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_are_found() {
        let yaml = "# x\nhttp:\n  routers:\n    a:\n      rule: r\n      tls: {domains: [{main: b}, {main: c}]}\n";
        let toml = "[http.routers.a]\nrule = 'r'\n[[http.routers.a.tls.domains]]\nmain = 'b'\n\n[[http.routers.a.tls.domains]]\nmain = 'c'\n";
        for (path, at_key, in_yaml, in_toml) in [
            ("http.routers.a.rule", false, (5, 13), (2, 8)),
            ("http.routers.a.rule", true, (5, 7), (2, 1)),
            ("http.routers.a.tls.domains.[1].main", false, (6, 41), (7, 8)),
            ("http.routers.a", true, (4, 5), (1, 15)),
            // What is not there is where it would be.
            ("http.routers.a.gone.x", false, (4, 5), (1, 15)),
        ] {
            let keys: Vec<_> = path.split('.').map(str::to_owned).collect();
            let place = |text, format| locate(text, format, &keys, at_key).map(|place| (place.line, place.column));
            assert_eq!(place(yaml, Format::Yaml), Some(in_yaml), "{path}");
            assert_eq!(place(toml, Format::Toml), Some(in_toml), "{path}");
        }
    }
}
