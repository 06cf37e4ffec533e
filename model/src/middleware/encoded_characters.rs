use crate::encoded_characters;
use crate::is_default;
use serde::{Deserialize, Serialize};

/// Which characters a path may hold encoded; the others are refused.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct EncodedCharacters {
    /// `%2F`
    #[serde(skip_serializing_if = "is_default")]
    pub allow_encoded_slash: bool,
    /// `%5C`
    #[serde(skip_serializing_if = "is_default")]
    pub allow_encoded_back_slash: bool,
    /// `%00`
    #[serde(skip_serializing_if = "is_default")]
    pub allow_encoded_null_character: bool,
    /// `%3B`
    #[serde(skip_serializing_if = "is_default")]
    pub allow_encoded_semicolon: bool,
    /// `%25`
    #[serde(skip_serializing_if = "is_default")]
    pub allow_encoded_percent: bool,
    /// `%3F`
    #[serde(skip_serializing_if = "is_default")]
    pub allow_encoded_question_mark: bool,
    /// `%23`
    #[serde(skip_serializing_if = "is_default")]
    pub allow_encoded_hash: bool,
}

impl From<EncodedCharacters> for encoded_characters::EncodedCharacters {
    fn from(spec: EncodedCharacters) -> Self {
        Self {
            slash: spec.allow_encoded_slash,
            back_slash: spec.allow_encoded_back_slash,
            null_character: spec.allow_encoded_null_character,
            semicolon: spec.allow_encoded_semicolon,
            percent: spec.allow_encoded_percent,
            question_mark: spec.allow_encoded_question_mark,
            hash: spec.allow_encoded_hash,
        }
    }
}
