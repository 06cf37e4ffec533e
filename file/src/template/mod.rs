//! Go templates in files, as Traefik renders them: the actions of text/template with the functions of Sprig.

mod functions;
#[cfg(test)]
mod tests;

use crate::decode::{Broken, Place};
use gtmpl_ng::{Context, ErrorContext, ExecError, Limits, ParseError, Template};
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// The longest time that a template may take.
const MAX_TIME: Duration = Duration::from_secs(5);

/// Returns what a text makes as a template. A text without actions is returned as it is.
pub(crate) fn render(text: &str) -> Result<Cow<'_, str>, Broken> {
    if !text.contains("{{") {
        return Ok(Cow::Borrowed(text));
    }
    // The engine is a foreign interpreter: should it panic, the file is broken and nothing else.
    match catch_unwind(AssertUnwindSafe(|| execute(text))) {
        Ok(rendered) => rendered.map(Cow::Owned),
        Err(_) => Err(Broken { place: None, message: "the template engine failed".to_owned() }),
    }
}

fn execute(text: &str) -> Result<String, Broken> {
    let mut template = Template::with_limits(Limits::default().with_deadline(MAX_TIME));
    template.add_funcs(&functions::ALL.concat());
    template.parse(text).map_err(|error| match error {
        ParseError::WithContext(at, message) => broken(Some(&at), &unserved(&message).unwrap_or(message)),
        other => broken(None, &other.to_string()),
    })?;
    // Traefik gives templates no value but false.
    template.render(&Context::from(false)).map_err(|error| match &error {
        ExecError::Structured(inner) => broken(Some(&inner.context), &inner.message),
        other => broken(None, &other.to_string()),
    })
}

/// The words for a function that Sprig has and we do not.
fn unserved(message: &str) -> Option<String> {
    let name = message.strip_prefix("function ")?.strip_suffix(" not defined")?;
    let name = name.trim_matches('"');
    functions::UNSERVED.contains(&name).then(|| format!("the function {name} is not served"))
}

fn broken(at: Option<&ErrorContext>, message: &str) -> Broken {
    let place = at.map(|at| Place { line: at.line, column: at.col });
    Broken { place, message: format!("template: {message}") }
}
