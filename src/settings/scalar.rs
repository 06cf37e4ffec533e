//! Types of single values.

use super::schema::{Scalar, Shape};
use flow_model::duration::GoDuration;
use flow_model::name::Name;
use ipnet::IpNet;
use serde_json::Value as Json;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A text that is never printed.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// True if it is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "\"\"" } else { "\"***\"" })
    }
}

impl Scalar for Secret {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self(text.to_owned()))
    }

    fn show(&self) -> Json {
        if self.is_empty() { "".into() } else { "***".into() }
    }
}

/// A duration; a bare number is hours (`certificatesDuration`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hours(pub Duration);

impl Scalar for Hours {
    fn parse(text: &str) -> Result<Self, String> {
        match text.parse::<u32>() {
            Ok(hours) => Ok(Self(Duration::from_secs(u64::from(hours) * 3600))),
            Err(_) => Duration::parse(text).map(Self),
        }
    }

    fn show(&self) -> Json {
        (self.0.as_secs() / 3600).into()
    }
}

impl Scalar for bool {
    const SHAPE: Shape = Shape::Switch;

    /// Accepts the words of Go's `strconv.ParseBool`.
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
            _ => Err(format!("takes true or false, not {text:?}")),
        }
    }

    fn show(&self) -> Json {
        (*self).into()
    }
}

impl Scalar for GoDuration {
    /// As in Traefik, a bare integer is seconds. A negative limit, no limit in Go, becomes 0, which means the same.
    fn parse(text: &str) -> Result<Self, String> {
        let positive = text.strip_prefix('-');
        match positive.unwrap_or(text).parse::<Self>() {
            Ok(_) if positive.is_some() => Ok(Self::default()),
            Ok(duration) => Ok(duration),
            Err(error) => Err(error.to_string()),
        }
    }

    fn show(&self) -> Json {
        self.to_string().into()
    }
}

impl Scalar for Duration {
    fn parse(text: &str) -> Result<Self, String> {
        <GoDuration as Scalar>::parse(text).map(|duration| duration.0)
    }

    fn show(&self) -> Json {
        Scalar::show(&GoDuration(*self))
    }
}

impl Scalar for IpNet {
    /// Accepts a single address as a network of one.
    fn parse(text: &str) -> Result<Self, String> {
        text.parse()
            .or_else(|_| text.parse::<IpAddr>().map(Self::from))
            .map_err(|_| format!("takes IP addresses and networks such as 10.0.0.0/8, not {text:?}"))
    }

    fn show(&self) -> Json {
        self.to_string().into()
    }
}

impl Scalar for PathBuf {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("takes a path, not an empty text".to_owned()) } else { Ok(text.into()) }
    }

    fn show(&self) -> Json {
        self.to_string_lossy().into()
    }
}

impl Scalar for Name {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.into())
    }

    fn show(&self) -> Json {
        (**self).into()
    }
}

impl Scalar for String {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }

    fn show(&self) -> Json {
        self.as_str().into()
    }
}

macro_rules! numbers {
    ($($type:ty, $what:literal;)+) => { $(
        impl Scalar for $type {
            fn parse(text: &str) -> Result<Self, String> {
                text.parse().map_err(|_| format!("takes {}, not {text:?}", $what))
            }

            fn show(&self) -> Json {
                (*self).into()
            }
        }
    )+ };
}

numbers! {
    f64, "a number";
    i64, "a whole number";
    u16, "a whole number from 0 to 65535";
    u32, "a whole number from 0 to 4294967295";
}
