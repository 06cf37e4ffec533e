//! flow-proxy: a Kubernetes ingress controller and reverse proxy that reads what Traefik's users write.
//!
//! This crate is wiring: [`settings`] reads the static configuration, [`app`] starts and stops the parts.

// The print macros panic on a closed pipe: use [`output`] instead.
#![warn(clippy::print_stderr, clippy::print_stdout)]

mod app;
mod cert;
mod check;
mod demo;
mod healthcheck;
mod output;
pub mod settings;

use settings::Command;
use std::process::ExitCode;

// Chosen by measurement (docs/performance.md); its settings are in .cargo/config.toml.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    let environment = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()));
    let command = match settings::parse(arguments, environment, &|path| std::fs::read_to_string(path)) {
        Ok(command) => command,
        Err(mistakes) => {
            output::print_error(mistakes);
            return ExitCode::from(app::MISCONFIGURED);
        }
    };
    match command {
        Command::Cert(arguments) => cert::run(arguments),
        Command::Check(settings, warnings) => check::run(&settings, &warnings),
        Command::Demo => demo::run(),
        Command::Healthcheck(settings) => healthcheck::run(&settings),
        Command::Help(text) => output::print_result(text, ExitCode::SUCCESS),
        Command::Run(settings, warnings) => {
            app::say(&warnings);
            app::run(&settings)
        }
        Command::Version => output::print_result(concat!("flow-proxy ", env!("CARGO_PKG_VERSION")), ExitCode::SUCCESS),
    }
}
