//! `flow-proxy cert`: shows why a certificate is not ready, and renews certificates.

mod advice;
mod arguments;
mod cause;
mod report;

#[cfg(test)]
mod tests;

use crate::output::{print_error, print_result};
use crate::settings::CERT_HELP;
use arguments::{Arguments, Command};
use flow_acme::objects::{Certificate, Key};
use flow_acme::planner::View;
use flow_controller::certificates::{CertificateClient, CertificateClientError};
use std::process::ExitCode;
use std::sync::Arc;

/// Exit code of a command line that cannot be understood.
const MISTAKEN: u8 = 2;

/// Runs the command after `cert`. Exit code 1 if the Certificate is not ready or does not exist.
pub(crate) fn run(arguments: impl IntoIterator<Item = String>) -> ExitCode {
    let arguments = match Arguments::read(arguments) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => return print_result(CERT_HELP, ExitCode::SUCCESS),
        Err(mistake) => {
            print_error(format_args!("{mistake}\nSee flow-proxy cert --help."));
            return ExitCode::from(MISTAKEN);
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    runtime.block_on(look(&arguments)).unwrap_or_else(|error| failed(&error))
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    print_error(flow_model::diagnostic::causes(error));
    ExitCode::FAILURE
}

async fn look(arguments: &Arguments) -> Result<ExitCode, CertificateClientError> {
    let client = CertificateClient::open().await?;
    let namespace = arguments.namespace.as_deref().unwrap_or_else(|| client.namespace());
    let view = client.load(namespace).await?;
    let (name, renews) = match &arguments.command {
        Command::List => return Ok(print_result(report::list(&view, namespace), ExitCode::SUCCESS)),
        Command::Status(name) => (name, false),
        Command::Renew(name) => (name, true),
    };
    let Some(certificate) = find(&view, namespace, name) else {
        print_error(format_args!("there is no Certificate {namespace}/{name}; those that there are:"));
        print_error(report::list(&view, namespace));
        return Ok(ExitCode::FAILURE);
    };
    if renews {
        client.renew(&view, &certificate).await?;
        let next = format!("flow-proxy cert status {name} -n {namespace}");
        let text = format!("Certificate {namespace}/{name} will be issued anew: {next}");
        return Ok(print_result(text, ExitCode::SUCCESS));
    }
    let code = if report::is_ready(&certificate) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    Ok(print_result(report::one(&view, &certificate, jiff::Timestamp::now()), code))
}

/// A Certificate by its name, by that of its Secret, or by one of its hosts.
fn find(view: &View, namespace: &str, name: &str) -> Option<Arc<Certificate>> {
    let named = view.certificates.get(&Key::new(namespace, name));
    let fits = |c: &&Arc<Certificate>| c.spec.secret_name == name || c.spec.dns_names.iter().any(|host| host == name);
    named.or_else(|| view.certificates.sorted().into_iter().map(|(_, certificate)| certificate).find(fits)).cloned()
}
