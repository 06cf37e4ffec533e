//! Texts that are either in the configuration or in a file that it names (Traefik's `FileOrContent`).

use super::node::Node;
use std::io;
use std::path::Path;

/// Reads a file that the configuration names.
pub(crate) type ReadFile<'a> = &'a dyn Fn(&Path) -> io::Result<Vec<u8>>;

/// The longest name of a file that is quoted.
const MAX_QUOTED: usize = 200;

/// The reason why there is no content.
#[derive(Debug, thiserror::Error)]
pub(super) enum ContentError {
    #[error("nothing is given")]
    Nothing,
    #[error("it is neither PEM nor the name of a file")]
    Neither,
    #[error("cannot read {0}: {1}")]
    File(String, io::Error),
    #[error("{0} is no text")]
    NoText(String),
}

/// Returns the content: `given` itself if it is PEM, else that of the file of this name.
pub(super) fn content(given: &str, read: ReadFile<'_>) -> Result<Vec<u8>, ContentError> {
    if given.contains("-----BEGIN") {
        return Ok(given.as_bytes().to_vec());
    }
    if given.is_empty() {
        return Err(ContentError::Nothing);
    }
    // What is none may be a key whose first line was lost: it is not shown.
    if given.len() > MAX_QUOTED || given.contains(char::is_control) {
        return Err(ContentError::Neither);
    }
    read(Path::new(given)).map_err(|error| ContentError::File(given.to_owned(), error))
}

/// The same as text.
pub(super) fn text(given: &str, read: ReadFile<'_>) -> Result<String, ContentError> {
    String::from_utf8(content(given, read)?).map_err(|_| ContentError::NoText(given.to_owned()))
}

/// Puts the content of files in the place of their names, under these keys of a group.
pub(super) fn inline(group: &mut Node, keys: &[&str], read: ReadFile<'_>) -> Result<(), (String, ContentError)> {
    for key in keys {
        if let Some(Node::Scalar(given)) = group.entry_mut(key)
            && !given.is_empty()
        {
            *given = text(given, read).map_err(|error| ((*key).to_owned(), error))?;
        }
    }
    Ok(())
}
