//! The command line of `flow-proxy cert`.

use lexopt::Arg::{Long, Short, Value};
use lexopt::ValueExt as _;

/// A command of `flow-proxy cert`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Command {
    List,
    Renew(String),
    Status(String),
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Arguments {
    pub(super) command: Command,
    pub(super) namespace: Option<String>,
}

/// A mistake in the words after `cert`.
#[derive(Debug, thiserror::Error)]
pub(super) enum Misuse {
    #[error("{0} is no command: status or renew")]
    Command(String),
    #[error("renew needs the NAME of a Certificate")]
    NoName,
    #[error("{} needs a namespace", .0.as_deref().unwrap_or("it"))]
    NoNamespace(Option<String>),
    #[error("{0} is no option")]
    Option(String),
    #[error(transparent)]
    Other(lexopt::Error),
    #[error("{0} is too much: one NAME at a time")]
    TooMuch(String),
}

impl From<lexopt::Error> for Misuse {
    fn from(error: lexopt::Error) -> Self {
        match error {
            lexopt::Error::MissingValue { option } => Self::NoNamespace(option),
            lexopt::Error::UnexpectedOption(option) => Self::Option(option),
            other => Self::Other(other),
        }
    }
}

impl Arguments {
    /// Reads the words after `cert`; `None` if help is asked for.
    ///
    /// # Errors
    /// An unknown command or option, or a missing or superfluous value.
    pub(super) fn read(arguments: impl IntoIterator<Item = String>) -> Result<Option<Self>, Misuse> {
        let mut words = Vec::new();
        let mut namespace = None;
        let mut parser = lexopt::Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            match argument {
                Short('h') | Long("help") => return Ok(None),
                Short('n') | Long("namespace") => namespace = Some(parser.value()?.string()?),
                Value(word) if word == "help" => return Ok(None),
                Value(word) => words.push(word.string()?),
                unknown => return Err(unknown.unexpected().into()),
            }
        }
        let mut words = words.into_iter();
        let command = match (words.next().as_deref(), words.next()) {
            (None, _) => return Ok(None),
            (Some("status"), None) => Command::List,
            (Some("status"), Some(name)) => Command::Status(name),
            (Some("renew"), Some(name)) => Command::Renew(name),
            (Some("renew"), None) => return Err(Misuse::NoName),
            (Some(other), _) => return Err(Misuse::Command(other.to_owned())),
        };
        match words.next() {
            Some(more) => Err(Misuse::TooMuch(more)),
            None => Ok(Some(Self { command, namespace })),
        }
    }
}
