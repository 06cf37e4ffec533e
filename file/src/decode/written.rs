//! Typed values from a tree of texts, by the rules of Traefik's decoder (paerser): keys in any case, unknown keys
//! refused, single values parsed from text.

use super::fault::{Fault, Scope};
use super::keys::{is_off, unknown};
use super::node::Node;
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer as _, IntoDeserializer as _, Visitor};
use serde::forward_to_deserialize_any;
use std::fmt::Display;
use std::str::FromStr;

/// A value as it was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written<'a>(pub(super) &'a Node);

impl<'a> Written<'a> {
    fn scalar(self, what: &str) -> Result<&'a str, Fault> {
        let found = match self.0 {
            Node::Scalar(text) => return Ok(text),
            Node::List(_) => "a list",
            Node::Map(_) => "a group",
        };
        Err(Fault::new(Scope::File, format!("takes {what}, not {found}")))
    }

    fn parse<T: FromStr<Err: Display>>(self, what: &str) -> Result<T, Fault> {
        let text = self.scalar(what)?;
        // Traefik's numbers have wider ranges: what is beyond ours it finds when it builds the object.
        let scope = if text.parse::<i64>().is_ok() { Scope::Object } else { Scope::File };
        text.parse().map_err(|error| Fault::new(scope, format!("takes {what}, not {text:?}: {error}")))
    }
}

/// The words of Go's `strconv.ParseBool`.
fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

macro_rules! numbers {
    ($( $method:ident $visit:ident $type:ty, $what:literal; )+) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            visitor.$visit(self.parse::<$type>($what)?)
        }
    )+ };
}

impl<'de> de::Deserializer<'de> for Written<'_> {
    type Error = Fault;

    numbers! {
        deserialize_i8 visit_i8 i8, "a whole number";
        deserialize_i16 visit_i16 i16, "a whole number";
        deserialize_i32 visit_i32 i32, "a whole number";
        deserialize_i64 visit_i64 i64, "a whole number";
        deserialize_u8 visit_u8 u8, "a whole number from 0 to 255";
        deserialize_u16 visit_u16 u16, "a whole number from 0 to 65535";
        deserialize_u32 visit_u32 u32, "a whole number from 0 on";
        deserialize_u64 visit_u64 u64, "a whole number from 0 on";
        deserialize_f32 visit_f32 f32, "a number";
        deserialize_f64 visit_f64 f64, "a number";
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Node::Scalar(text) => visitor.visit_str(text),
            Node::List(_) => self.deserialize_seq(visitor),
            Node::Map(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let text = self.scalar("true or false")?;
        let value = boolean(text);
        visitor.visit_bool(value.ok_or_else(|| Fault::new(Scope::File, format!("takes true or false, not {text:?}")))?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str(self.scalar("one text")?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    /// A text where a list belongs is one of texts between commas.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Node::List(items) => visitor.visit_seq(Items(items.iter().enumerate())),
            Node::Scalar(text) if text.is_empty() => visitor.visit_seq(Items([].iter().enumerate())),
            Node::Scalar(text) => {
                let parts: Vec<_> = text.split(',').map(|part| Node::Scalar(part.trim().to_owned())).collect();
                visitor.visit_seq(Items(parts.iter().enumerate()))
            }
            Node::Map(_) => Err(Fault::new(Scope::File, "takes a list, not a group")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let entries = group(self.0)?.iter().map(|(key, value)| (key.as_str(), key.as_str(), value)).collect();
        visitor.visit_map(Entries::new(entries))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let mut entries: Vec<(&str, &str, &Node)> = Vec::new();
        for (key, value) in group(self.0)? {
            let field = fields.iter().find(|field| field.eq_ignore_ascii_case(key));
            let field = field.ok_or_else(|| unknown(key, fields))?;
            if is_off(name, field, value) {
                continue;
            }
            if entries.iter().any(|(known, ..)| known == field) {
                return Err(Fault::new(Scope::File, "is written twice").at_key(key));
            }
            entries.push((field, key, value));
        }
        visitor.visit_map(Entries::new(entries))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0 {
            Node::Scalar(text) => match variants.iter().find(|variant| *variant == text) {
                Some(variant) => {
                    let variant: StrDeserializer<'_, Fault> = variant.into_deserializer();
                    visitor.visit_enum(variant)
                }
                None => Err(Fault::new(Scope::Object, format!("takes one of {}, not {text:?}", variants.join(", ")))),
            },
            Node::Map(entries) if entries.len() == 1 => {
                let (key, value) = &entries[0];
                let variant = variants.iter().find(|variant| variant.eq_ignore_ascii_case(key));
                let variant = variant.ok_or_else(|| unknown(key, variants))?;
                visitor.visit_enum(Choice { variant, key, value })
            }
            Node::Map(_) | Node::List(_) => Err(Fault::new(Scope::File, "takes exactly one kind")),
        }
    }

    forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

/// The entries of a group. Its bare name, or `true`, is an empty one.
pub(super) fn group(node: &Node) -> Result<&[(String, Node)], Fault> {
    match node {
        Node::Map(entries) => Ok(entries),
        Node::Scalar(text) if text.is_empty() || text.eq_ignore_ascii_case("true") => Ok(&[]),
        Node::Scalar(text) => Err(Fault::new(Scope::File, format!("takes a group, not {text:?}"))),
        Node::List(_) => Err(Fault::new(Scope::File, "takes a group, not a list")),
    }
}

/// The items of a list.
struct Items<'a>(std::iter::Enumerate<std::slice::Iter<'a, Node>>);

impl<'de> de::SeqAccess<'de> for Items<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let Some((index, item)) = self.0.next() else { return Ok(None) };
        seed.deserialize(Written(item)).map(Some).map_err(|fault| fault.within(&format!("[{index}]")))
    }
}

/// The entries of a group: the name that the type knows, the key as written, and the value.
struct Entries<'a> {
    left: std::vec::IntoIter<(&'a str, &'a str, &'a Node)>,
    value: Option<(&'a str, &'a Node)>,
}

impl<'a> Entries<'a> {
    fn new(entries: Vec<(&'a str, &'a str, &'a Node)>) -> Self {
        Self { left: entries.into_iter(), value: None }
    }
}

impl<'de> de::MapAccess<'de> for Entries<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((name, key, value)) = self.left.next() else { return Ok(None) };
        self.value = Some((key, value));
        let name: StrDeserializer<'_, Fault> = name.into_deserializer();
        seed.deserialize(name).map(Some).map_err(|fault| fault.at_key(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let Some((key, value)) = self.value.take() else {
            return Err(Fault::new(Scope::File, "a value without a key"));
        };
        seed.deserialize(Written(value)).map_err(|fault| fault.within(key))
    }
}

/// One of several kinds.
struct Choice<'a> {
    variant: &'static str,
    key: &'a str,
    value: &'a Node,
}

impl<'de, 'a> de::EnumAccess<'de> for Choice<'a> {
    type Error = Fault;
    type Variant = Within<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Within<'a>), Fault> {
        let name: StrDeserializer<'_, Fault> = self.variant.into_deserializer();
        Ok((seed.deserialize(name)?, Within { key: self.key, value: self.value }))
    }
}

/// The content of a kind.
struct Within<'a> {
    key: &'a str,
    value: &'a Node,
}

impl<'de> de::VariantAccess<'de> for Within<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(Written(self.value)).map_err(|fault| fault.within(self.key))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        Written(self.value).deserialize_seq(visitor).map_err(|fault| fault.within(self.key))
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Fault> {
        Written(self.value).deserialize_struct("", fields, visitor).map_err(|fault| fault.within(self.key))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::decode::node::Format;
    use flow_model::config::{LoadBalancer, Router, RouterTls};
    use flow_model::middleware::{Middleware, RateLimit};
    use serde::Deserialize;
    use std::time::Duration;

    fn read<T: for<'de> Deserialize<'de>>(yaml: &str) -> Result<T, Fault> {
        T::deserialize(Written(&Node::read(yaml, Format::Yaml).unwrap().root))
    }

    #[test]
    fn values_are_read_as_traefik_reads_them() {
        let router: Router = read(
            "ENTRYPOINTS: web, websecure\nmiddlewares: [' a ']\nrule: 1\npriority: '7'\ntls:\n  domains: [{Main: x}]\n",
        )
        .unwrap();
        assert_eq!(router.entry_points.iter().map(|name| &**name).collect::<Vec<_>>(), ["web", "websecure"]);
        assert_eq!((&*router.middlewares[0], &*router.rule, router.priority), ("a", "1", 7));
        assert_eq!(router.tls.unwrap().domains[0].main, "x");
        let on: Router = read("tls: true").unwrap();
        assert_eq!(on.tls.as_deref(), Some(&RouterTls::default()));
        let off: Router = read("tls: false\nruleSyntax: ''\n").unwrap();
        assert_eq!(off, Router::default());
        let limit: RateLimit = read("average: '5'\nperiod: 90\n").unwrap();
        assert_eq!((limit.average, limit.period.0), (5, Duration::from_secs(90)));
        let servers: LoadBalancer = read("passhostheader: 'f'\nresponseForwarding: {flushInterval: -1ms}").unwrap();
        assert!(!servers.pass_host_header);
        assert!(matches!(read::<Middleware>("COMPRESS: {}").unwrap(), Middleware::Compress(_)));
    }

    #[test]
    fn faults_name_the_place_and_the_scope() {
        for (yaml, path, scope, message) in [
            ("rulle: x", "rulle", Scope::File, "there is no such field; did you mean rule?"),
            ("tls: {domains: [{}, {sanss: x}]}", "tls.domains.[1].sanss", Scope::File, "did you mean sans?"),
            ("priority: high", "priority", Scope::File, "takes a whole number, not \"high\""),
            ("rule: [a]", "rule", Scope::File, "takes one text, not a list"),
            ("tls: [a]", "tls", Scope::File, "takes a group, not a list"),
            ("Rule: a\nrule: b", "rule", Scope::File, "is written twice"),
            ("ruleSyntax: v4", "ruleSyntax", Scope::Object, "takes one of default, v2, v3, not \"v4\""),
        ] {
            let fault = read::<Router>(yaml).unwrap_err();
            assert_eq!(fault.keys().join("."), path);
            assert!(fault.message.contains(message) && fault.scope == scope, "{yaml}: {fault:?}");
        }
        let fault = read::<Middleware>("ipAllowList: {rejectStatusCode: -1}").unwrap_err();
        assert_eq!((fault.scope, fault.keys().join(".")), (Scope::Object, "ipAllowList.rejectStatusCode".to_owned()));
        let fault = read::<Middleware>("basicAuth: {removeHeader: yes}").unwrap_err();
        assert_eq!(fault.clone().within("m").keys().join("."), "m.basicAuth.removeHeader");
        assert_eq!(fault.message, "takes true or false, not \"yes\"");
    }
}
