//! The description of every option, from which values are read, unknown names found, and `--help` and the reference
//! written.
//!
//! [`section!`] makes a struct, its defaults and its [`Shape`] from one table; [`options_of!`] makes a table for a
//! struct of the crate that uses the options. Options are named nowhere else.

use super::mistake::Findings;
use super::node::Node;
use serde_json::Value as Json;

/// The way an option is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// A list of single values: commas, repetition or `[n]`.
    List,
    /// Free names, each with the same options.
    Map(&'static Self),
    /// A group of Traefik whose contents are not read here.
    Open,
    /// A group that its bare name turns on (Traefik's "allow empty").
    Optional(&'static [Field]),
    /// One value.
    Scalar,
    /// A group that always exists.
    Section(&'static [Field]),
    /// A list of groups, by `[n]`.
    Sections(&'static Self),
    /// A boolean; its bare name means `true`.
    Switch,
}

/// One option or group of options.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    /// Its name as Traefik's documentation spells it.
    pub(super) key: &'static str,
    /// Its description in `--help` and the reference.
    pub(super) about: &'static str,
    /// The way it is written.
    pub(super) shape: Shape,
    /// Its default.
    pub(super) default: fn() -> Json,
    /// Tells if it is required, and if it has an effect.
    pub(super) mark: Mark,
}

/// The special treatment of a field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mark {
    /// Nothing.
    Plain,
    /// It is required if its group is written.
    Required,
    /// It is accepted with a warning.
    Unserved,
}

/// A type of settings: a single value, list, map or group.
pub(super) trait Value: Sized {
    /// The way it is written.
    const SHAPE: Shape;
    /// Sets what `node` contains; everything else keeps its value.
    fn read(&mut self, node: &Node, findings: &mut Findings);
    /// The value as JSON, secrets hidden.
    fn show(&self) -> Json;
}

/// A type of single values, written as one text.
pub(super) trait Scalar: Sized {
    /// The way it is written.
    const SHAPE: Shape = Shape::Scalar;
    /// Parses the text; the error says what the option takes.
    fn parse(text: &str) -> Result<Self, String>;
    /// The value as JSON, secrets hidden.
    fn show(&self) -> Json;
}

/// The shape of the option at a path; `None` if there is none.
pub(super) fn shape_at(mut shape: Shape, path: &[&str]) -> Option<Shape> {
    for part in path {
        shape = match shape {
            Shape::Section(fields) | Shape::Optional(fields) => {
                fields.iter().find(|field| field.key.eq_ignore_ascii_case(part))?.shape
            }
            Shape::Map(inner) => *inner,
            Shape::Sections(inner) if part.starts_with('[') => *inner,
            Shape::List if part.starts_with('[') => Shape::Scalar,
            Shape::Open => return Some(Shape::Open),
            Shape::List | Shape::Scalar | Shape::Sections(_) | Shape::Switch => return None,
        };
    }
    Some(shape)
}

/// Makes structs of options. A row is: doc comment, `field: type = default, "traefikName"`, `required` or `unserved`.
///
/// `also unserved { "name": "description"; }` lists options of Traefik that have no field.
macro_rules! section {
    ($(
        $(#[doc = $about:literal])+
        $name:ident {
            $( $(#[doc = $doc:literal])+ $field:ident: $type:ty = $default:expr, $key:literal $(, $mark:ident)?; )*
            $( also unserved { $( $other:literal: $what:literal; )+ } )?
        }
    )+) => {
        $(
            $(#[doc = $about])+
            #[derive(Clone, Debug, PartialEq)]
            pub struct $name {
                $( $(#[doc = $doc])+ pub $field: $type, )*
            }

            impl Default for $name {
                fn default() -> Self {
                    Self { $( $field: $default, )* }
                }
            }
        )+

        $crate::settings::schema::options_of! { $(
            $name {
                $( $(#[doc = $doc])+ $field: $type, $key $(, $mark)?; )*
                $( also unserved { $( $other: $what; )+ } )?
            }
        )+ }
    };
}

/// Makes a section of a struct that is defined elsewhere, which has the defaults. A row is as in [`section!`], without
/// the default; its field may be one of a struct within: `options.allow_empty_services`.
macro_rules! options_of {
    (@mark) => { $crate::settings::schema::Mark::Plain };
    (@mark required) => { $crate::settings::schema::Mark::Required };
    (@mark unserved) => { $crate::settings::schema::Mark::Unserved };
    ($(
        $name:ident {
            $( $(#[doc = $doc:literal])+ $($field:ident).+: $type:ty, $key:literal $(, $mark:ident)?; )*
            $( also unserved { $( $other:literal: $what:literal; )+ } )?
        }
    )+) => { $(
        impl $crate::settings::schema::Value for $name {
            const SHAPE: $crate::settings::schema::Shape = $crate::settings::schema::Shape::Section(&[
                $( $crate::settings::schema::Field {
                    key: $key,
                    about: concat!($($doc),+),
                    shape: <$type as $crate::settings::schema::Value>::SHAPE,
                    default: || $crate::settings::schema::Value::show(&<$name>::default().$($field).+),
                    mark: $crate::settings::schema::options_of!(@mark $($mark)?),
                }, )*
                $( $( $crate::settings::schema::Field {
                    key: $other,
                    about: $what,
                    shape: $crate::settings::schema::Shape::Open,
                    default: || serde_json::Value::Null,
                    mark: $crate::settings::schema::Mark::Unserved,
                }, )+ )?
            ]);

            fn read(
                &mut self,
                node: &$crate::settings::node::Node,
                findings: &mut $crate::settings::mistake::Findings,
            ) {
                if let $crate::settings::schema::Shape::Section(fields) = Self::SHAPE {
                    $crate::settings::audit::audit(node, fields, findings);
                }
                $( if let Some(child) = node.child($key) {
                    $crate::settings::schema::Value::read(&mut self.$($field).+, child, findings);
                } )*
            }

            fn show(&self) -> serde_json::Value {
                let mut shown = serde_json::Map::new();
                $( shown.insert($key.to_owned(), $crate::settings::schema::Value::show(&self.$($field).+)); )*
                shown.into()
            }
        }
    )+ };
}

/// Makes enums of words. A row is: doc comment, `Variant = "word"`, other spellings after `|`; case is ignored.
macro_rules! choice {
    ($(
        $(#[doc = $about:literal])+
        $name:ident = $default:ident { $( $(#[doc = $doc:literal])+ $variant:ident = $word:literal $(| $alias:literal)*; )+ }
    )+) => {
        $(
            $(#[doc = $about])+
            #[derive(Clone, Copy, Debug, Eq, PartialEq)]
            pub enum $name { $( $(#[doc = $doc])+ $variant, )+ }

            impl Default for $name {
                fn default() -> Self {
                    Self::$default
                }
            }
        )+

        $crate::settings::schema::words_of! { $( $name { $( $variant = $word $(| $alias)*; )+ } )+ }
    };
}

/// Gives words to an enum that is defined elsewhere. A row is as in [`choice!`]; a variant without a row is none that
/// an option can have.
macro_rules! words_of {
    ($( $name:ident { $( $variant:ident = $word:literal $(| $alias:literal)*; )+ } )+) => { $(
        impl $crate::settings::schema::Scalar for $name {
            fn parse(text: &str) -> Result<Self, String> {
                $( if [$word $(, $alias)*].iter().any(|word| text.eq_ignore_ascii_case(word)) {
                    return Ok(Self::$variant);
                } )+
                Err(format!("takes one of {}, not {text:?}", [$($word),+].join(", ")))
            }

            fn show(&self) -> serde_json::Value {
                $( if matches!(self, Self::$variant) {
                    return $word.into();
                } )+
                serde_json::Value::Null
            }
        }
    )+ };
}

pub(super) use {choice, options_of, section, words_of};
