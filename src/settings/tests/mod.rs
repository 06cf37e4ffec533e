#![allow(clippy::unwrap_used, reason = "tests")]

mod chart;
mod defaults;
mod environment;
mod files;
mod flags;
mod mistakes;
mod reference;
mod together;
mod values;

use super::{Command, Mistakes, Settings, Warning, parse};
use std::io;
use std::path::Path;

/// Reads no file: there is none.
fn nothing(_: &Path) -> io::Result<String> {
    Err(io::ErrorKind::NotFound.into())
}

fn started(arguments: &[&str]) -> Result<Command, Mistakes> {
    parse(arguments.iter().map(|&argument| argument.to_owned()), [], &nothing)
}

/// Settings and warnings, without the one about alias headers, which only the tests of that option need.
fn run(command: Result<Command, Mistakes>) -> (Settings, Vec<Warning>) {
    let (settings, mut warnings) = run_told(command);
    warnings.retain(|warning| !matches!(warning, Warning::AliasHeaders { .. }));
    (settings, warnings)
}

fn run_told(command: Result<Command, Mistakes>) -> (Settings, Vec<Warning>) {
    match command.unwrap_or_else(|mistakes| panic!("{mistakes}")) {
        Command::Run(settings, warnings) => (*settings, warnings),
        other => panic!("{other:?}"),
    }
}

/// The settings of these flags.
fn flags(arguments: &[&str]) -> Settings {
    run(started(arguments)).0
}

/// The warnings about flags, as they are printed.
fn warnings(arguments: &[&str]) -> Vec<String> {
    run(started(arguments)).1.iter().map(ToString::to_string).collect()
}

/// The mistakes in flags, as they are printed.
fn mistakes(arguments: &[&str]) -> Vec<String> {
    started(arguments).unwrap_err().0.iter().map(ToString::to_string).collect()
}

/// Starts with flags, variables and files (path and text).
fn start(arguments: &[&str], variables: &[(&str, &str)], files: &[(&str, &str)]) -> Result<Command, Mistakes> {
    let read = |path: &Path| match files.iter().find(|(name, _)| Path::new(name) == path) {
        Some((_, text)) => Ok((*text).to_owned()),
        None => nothing(path),
    };
    let variables = variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
    parse(arguments.iter().map(|&argument| argument.to_owned()), variables, &read)
}

/// The settings of one file.
fn file(name: &str, text: &str) -> (Settings, Vec<Warning>) {
    run(start(&[&format!("--configFile={name}")], &[], &[(name, text)]))
}
