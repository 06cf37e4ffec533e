//! flow-proxy: a Kubernetes ingress controller and reverse proxy that reads what Traefik's users write.
//!
//! Only wiring is here: [`settings`] reads the static configuration, [`app`] starts the parts and stops them.

mod app;
mod cert;
mod demo;
mod healthcheck;
pub mod settings;

use settings::Command;
use std::process::ExitCode;

// Chosen by measurement (docs/performance.md); how it gives memory back is set in .cargo/config.toml.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Exit code of a start that the configuration does not allow.
const MISCONFIGURED: u8 = 2;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).peekable();
    if arguments.peek().is_some_and(|first| first == "demo") {
        return demo::run();
    }
    if arguments.peek().is_some_and(|first| first == "cert") {
        return cert::run(arguments.skip(1));
    }
    let environment = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()));
    let command = match settings::parse(arguments, environment, &|path| std::fs::read_to_string(path)) {
        Ok(command) => command,
        Err(mistakes) => {
            eprintln!("{mistakes}");
            return ExitCode::from(MISCONFIGURED);
        }
    };
    match command {
        Command::Check(settings, warnings) => {
            app::say(&warnings);
            println!("{:#}", settings.redacted());
            ExitCode::SUCCESS
        }
        Command::Healthcheck(settings) => healthcheck::run(&settings),
        Command::Help(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Command::Run(settings, warnings) => {
            app::say(&warnings);
            app::run(&settings)
        }
        Command::Version => {
            println!("flow-proxy {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
    }
}
