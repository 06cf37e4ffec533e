//! The tree of untyped settings that every source is read into.

use super::mistake::Origin;

/// An untyped value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Given {
    /// One text, as on the command line.
    Text(String),
    /// A list, as in a file.
    List(Vec<String>),
}

/// A node of the tree.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    /// The last part of the path as it was written: `address`, `[0]`.
    pub(super) name: String,
    /// The whole path as it was written: `entryPoints.web.address`.
    pub(super) path: String,
    /// The place where it was written; for a branch, that of its first leaf.
    pub(super) origin: Origin,
    /// Its own value.
    pub(super) value: Option<Given>,
    /// The nodes below it.
    pub(super) children: Vec<Self>,
}

impl Node {
    /// The root of an empty tree.
    pub(super) fn root() -> Self {
        Self {
            name: String::new(),
            path: String::new(),
            origin: Origin::Flag(String::new()),
            value: None,
            children: Vec::new(),
        }
    }

    /// The child of that name, in any case: Traefik's names ignore case everywhere.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name.eq_ignore_ascii_case(name))
    }

    /// The child of that name, created if it is missing.
    pub(super) fn child_or_insert(&mut self, name: &str, origin: &Origin) -> &mut Self {
        let found = self.children.iter().position(|child| child.name.eq_ignore_ascii_case(name));
        let index = found.unwrap_or_else(|| {
            let path = match () {
                () if self.path.is_empty() => name.to_owned(),
                () if name.starts_with('[') => format!("{}{name}", self.path),
                () => format!("{}.{name}", self.path),
            };
            self.children.push(Self { name: name.to_owned(), path, origin: origin.clone(), ..Self::root() });
            self.children.len() - 1
        });
        &mut self.children[index]
    }

    /// The node at `path`, created if it is missing.
    pub(super) fn at(&mut self, path: &[&str], origin: &Origin) -> &mut Self {
        path.iter().fold(self, |node, name| node.child_or_insert(name, origin))
    }

    /// A copy of the node without its own value.
    pub(super) fn branch(&self) -> Self {
        Self { value: None, ..self.clone() }
    }

    /// The places where the values of this node and those below it were written.
    pub(super) fn origins(&self) -> Vec<Origin> {
        let own = self.value.iter().map(|_| self.origin.clone());
        own.chain(self.children.iter().flat_map(Self::origins)).collect()
    }

    /// True if everything written here says `false`.
    pub(super) fn is_off(&self) -> bool {
        let off = |given: &Given| matches!(given, Given::Text(text) if text.eq_ignore_ascii_case("false"));
        self.value.as_ref().is_none_or(off) && self.children.iter().all(Self::is_off)
    }

    /// The index in a list, if the name is one: `[3]`, or `3` in the environment.
    pub(super) fn index(&self) -> Option<usize> {
        let digits = self.name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&self.name);
        digits.parse().ok()
    }
}

/// The parts of a path, such as five in `http.tls.domains[0].main`; `None` if one is empty.
pub(super) fn parts(path: &str) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    for part in path.split('.') {
        let bracket = part.find('[').unwrap_or(part.len());
        let (name, mut indices) = part.split_at(bracket);
        parts.push(name);
        while !indices.is_empty() {
            let end = indices.find(']')? + 1;
            let (index, rest) = indices.split_at(end);
            parts.push(index);
            indices = rest;
        }
    }
    parts.iter().all(|part| !part.is_empty()).then_some(parts)
}
