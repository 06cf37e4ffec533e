use std::fmt;

/// The API groups of Traefik's custom resources. Where both have an object of one name the first group's is used.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Group {
    /// `traefik.io`, Traefik's since 2.10.
    TraefikIo,
    /// `traefik.containo.us`, Traefik's until 3.0.
    TraefikContainoUs,
}

/// The version of every custom resource, in both groups.
pub const VERSION: &str = "v1alpha1";

impl Group {
    /// Both, the preferred one first.
    pub const ALL: [Self; 2] = [Self::TraefikIo, Self::TraefikContainoUs];

    /// Returns its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TraefikIo => "traefik.io",
            Self::TraefikContainoUs => "traefik.containo.us",
        }
    }

    /// Returns the group of an object's `apiVersion`, if it is one of these in the known version.
    #[must_use]
    pub fn of_api_version(api_version: &str) -> Option<Self> {
        let (group, version) = api_version.split_once('/')?;
        Self::ALL.into_iter().find(|known| known.name() == group && version == VERSION)
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
