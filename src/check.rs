//! `flow-proxy check`: tells if a start would succeed, and which manifests and files would not be served.

use crate::app;
use crate::output::{print_error, print_result};
use crate::settings::{Settings, Warning};
use flow_model::diagnostic::causes;
use std::process::ExitCode;

/// Exit code 0 if a start would succeed and everything in manifests and files be served, 1 if some would not, 2 if the
/// start would fail.
pub(crate) fn run(settings: &Settings, warnings: &[Warning]) -> ExitCode {
    app::say(warnings);
    let prepared = match app::prepare(settings) {
        Ok(prepared) => prepared,
        Err(mistakes) => {
            print_error(mistakes);
            return ExitCode::from(app::MISCONFIGURED);
        }
    };
    app::say(&prepared.warnings);
    let mut code = ExitCode::SUCCESS;
    match app::findings(settings, &prepared) {
        Ok(None) => {}
        Ok(Some(app::Findings { what, objects, findings })) => {
            findings.iter().for_each(print_error);
            let errors = findings.iter().filter(|finding| finding.is_error()).count();
            let warnings = findings.len() - errors;
            print_error(format_args!(
                "{what}: {}, {}, {}",
                count(objects, "object"),
                count(errors, "error"),
                count(warnings, "warning")
            ));
            if errors > 0 {
                code = ExitCode::FAILURE;
            }
        }
        Err(error) => {
            print_error(causes(&*error));
            return ExitCode::FAILURE;
        }
    }
    print_result(format_args!("{:#}", settings.redacted()), code)
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
