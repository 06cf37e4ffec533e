//! The command line of `flow-proxy cert`.

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

impl Arguments {
    /// Reads the words after `cert`; `None` if help is asked for.
    ///
    /// # Errors
    /// The mistake in words: an unknown command or option, or a missing value.
    pub(super) fn read(arguments: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut words = Vec::new();
        let mut namespace = None;
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "-h" | "--help" | "help" => return Ok(None),
                "-n" | "--namespace" => {
                    namespace = Some(arguments.next().ok_or_else(|| format!("{argument} needs a namespace"))?);
                }
                flag if flag.starts_with("--namespace=") || flag.starts_with("-n=") => {
                    namespace = flag.split_once('=').map(|(_, namespace)| namespace.to_owned());
                }
                flag if flag.starts_with('-') => return Err(format!("{flag} is no option")),
                word => words.push(word.to_owned()),
            }
        }
        let mut words = words.into_iter();
        let command = match (words.next().as_deref(), words.next()) {
            (None, _) => return Ok(None),
            (Some("status"), None) => Command::List,
            (Some("status"), Some(name)) => Command::Status(name),
            (Some("renew"), Some(name)) => Command::Renew(name),
            (Some("renew"), None) => return Err("renew needs the NAME of a Certificate".to_owned()),
            (Some(other), _) => return Err(format!("{other} is no command: status or renew")),
        };
        match words.next() {
            Some(more) => Err(format!("{more} is too much: one NAME at a time")),
            None => Ok(Some(Self { command, namespace })),
        }
    }
}
