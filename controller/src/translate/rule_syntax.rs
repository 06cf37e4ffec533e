use flow_model::config::RuleSyntax;

/// Returns the language of rules that a word names; `None` is the installation's default. `warn` is told of a word that
/// is none.
pub(super) fn rule_syntax(word: &str, warn: impl FnOnce(String)) -> Option<RuleSyntax> {
    match word {
        "" => None,
        "default" => Some(RuleSyntax::Default),
        "v2" => Some(RuleSyntax::V2),
        "v3" => Some(RuleSyntax::V3),
        _ => {
            warn(format!("there is no rule syntax {word:?}: v3 is used"));
            Some(RuleSyntax::V3)
        }
    }
}
