//! The list of the kinds that are read, and what follows from it.

use super::kept::{Kept, Placed, PlacedSpec};
use super::manifest::read;
use super::store::{CustomStore, Keyed, Store};
use super::{
    ConfigMap, Custom, EndpointSlice, Ingress, IngressClass, InvalidObject, Keys, Node, ObjectKey, Secret, Service,
    View,
};
use crate::crd::{
    Group, IngressRouteSpec, MiddlewareSpec, ServersTransportSpec, Spec, TlsOptionSpec, TlsStoreSpec,
    TraefikServiceSpec, VERSION, custom_kinds,
};
use hashbrown::HashSet;
use k8s_openapi::Resource;
use kube::core::{ApiResource, GroupVersionKind, ObjectMeta};
use serde_json::Value;

/// Adds the custom kinds to the others.
macro_rules! with_custom {
    ($($custom:ident: $spec:ident in $field:ident,)*) => {
        kinds! {
            own {
                ConfigMap in config_maps,
                Ingress in ingresses,
                IngressClass in ingress_classes,
                Node in nodes,
                Secret in secrets,
                Service in services,
            }
            parts {
                EndpointSlice in endpoint_slices of services,
            }
            custom {
                $($custom: $spec in $field,)*
            }
        }
    };
}

/// Declares the types with a part for each kind, and their dispatch. Changes of an object that is a part of another are
/// told as changes of that one.
macro_rules! kinds {
    (
        own { $($own:ident in $own_field:ident,)* }
        parts { $($part:ident in $part_field:ident of $whole_field:ident,)* }
        custom { $($custom:ident: $spec:ident in $custom_field:ident,)* }
    ) => {
        /// The kinds of objects that are read.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[expect(missing_docs, reason = "the kinds' own names")]
        pub enum Kind {
            $($own,)*
            $($part,)*
            $($custom(Group),)*
        }

        /// One object as it is kept.
        #[derive(Clone, Debug, PartialEq)]
        #[expect(missing_docs, reason = "the kinds' own names")]
        pub enum Object {
            $($own($own),)*
            $($part($part),)*
            $($custom(Box<Custom<$spec>>),)*
        }

        /// The objects of a view, by kind.
        #[derive(Debug, Default)]
        pub(super) struct Stores {
            $(pub(super) $own_field: Store<$own>,)*
            $(pub(super) $part_field: Store<$part>,)*
            $(pub(super) $custom_field: CustomStore<$spec>,)*
        }

        /// The keys of the objects that changed since the last translation, by kind. A Service also changes by its
        /// EndpointSlices.
        #[derive(Debug, Default)]
        #[expect(missing_docs, reason = "the kinds' own names")]
        pub struct Dirty {
            $(pub $own_field: Keys,)*
            $(pub $custom_field: Keys,)*
        }

        impl Dirty {
            /// True if nothing changed.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                [$(&self.$own_field,)* $(&self.$custom_field,)*].into_iter().all(HashSet::is_empty)
            }
        }

        impl Kind {
            /// Returns every kind, custom ones in both groups.
            pub fn all() -> impl Iterator<Item = Self> {
                let own = [$(Self::$own,)* $(Self::$part,)*];
                own.into_iter().chain(Group::ALL.into_iter().flat_map(Self::custom))
            }

            /// Returns the custom kinds of a group.
            pub fn custom(group: Group) -> impl Iterator<Item = Self> {
                [$(Self::$custom(group),)*].into_iter()
            }

            /// Returns its own name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$own => <$own as Kept>::Wire::KIND,)*
                    $(Self::$part => <$part as Kept>::Wire::KIND,)*
                    $(Self::$custom(_) => $spec::KIND,)*
                }
            }

            /// Returns its name in paths of the API.
            pub(crate) const fn plural(self) -> &'static str {
                match self {
                    $(Self::$own => <$own as Kept>::Wire::URL_PATH_SEGMENT,)*
                    $(Self::$part => <$part as Kept>::Wire::URL_PATH_SEGMENT,)*
                    $(Self::$custom(_) => $spec::PLURAL,)*
                }
            }

            /// Returns its API group, empty for the oldest kinds, and its version.
            const fn group_and_version(self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$own => (<$own as Kept>::Wire::GROUP, <$own as Kept>::Wire::VERSION),)*
                    $(Self::$part => (<$part as Kept>::Wire::GROUP, <$part as Kept>::Wire::VERSION),)*
                    $(Self::$custom(group) => (group.name(), VERSION),)*
                }
            }

            const fn is_custom(self) -> bool {
                matches!(self, $(Self::$custom(_))|*)
            }
        }

        impl Object {
            /// Returns its kind.
            #[must_use]
            pub const fn kind(&self) -> Kind {
                match self {
                    $(Self::$own(_) => Kind::$own,)*
                    $(Self::$part(_) => Kind::$part,)*
                    $(Self::$custom(object) => Kind::$custom(object.group),)*
                }
            }

            /// Returns its key.
            #[must_use]
            pub fn key(&self) -> &ObjectKey {
                match self {
                    $(Self::$own(object) => object.key(),)*
                    $(Self::$part(object) => object.key(),)*
                    $(Self::$custom(object) => &object.key,)*
                }
            }

            /// Reads a custom resource; `None` if the kind is none of those.
            #[must_use]
            pub fn custom(kind: Kind, metadata: &ObjectMeta, spec: Value) -> Option<Self> {
                match kind {
                    $(Kind::$custom(group) => Some(Self::$custom(Box::new(Custom::read(group, metadata, spec)))),)*
                    _ => None,
                }
            }

            /// Reads an object of Kubernetes' own kinds; `None` for kinds that are not read.
            pub(super) fn of_kubernetes(
                api_version: &str,
                kind: &str,
                manifest: Value,
            ) -> Result<Option<Self>, InvalidObject> {
                Ok(match (api_version, kind) {
                    $((<$own as Kept>::Wire::API_VERSION, <$own as Kept>::Wire::KIND) => {
                        Some(Self::$own(read(kind, manifest)?))
                    })*
                    $((<$part as Kept>::Wire::API_VERSION, <$part as Kept>::Wire::KIND) => {
                        Some(Self::$part(read(kind, manifest)?))
                    })*
                    _ => None,
                })
            }
        }

        impl View {
            /// Stores an object, new or changed. True if that changed anything that is read.
            ///
            /// A Secret or ConfigMap that no object names is not kept: see [`Self::wants`] and [`Self::take_wanted`].
            pub fn apply(&mut self, object: Object) -> bool {
                match object {
                    $(Object::$own(object) => self.put(object),)*
                    $(Object::$part(object) => self.put(object),)*
                    $(Object::$custom(object) => self.put_custom(*object),)*
                }
            }

            /// Removes an object. True if it was known.
            pub fn delete(&mut self, kind: Kind, key: &ObjectKey) -> bool {
                match kind {
                    $(Kind::$own => self.remove::<$own>(key),)*
                    $(Kind::$part => self.remove::<$part>(key),)*
                    $(Kind::$custom(group) => self.remove_custom::<$spec>(group, key),)*
                }
            }

            /// Returns the keys of the objects of one kind.
            #[must_use]
            pub fn keys(&self, kind: Kind) -> Vec<ObjectKey> {
                match kind {
                    $(Kind::$own => self.stores.$own_field.keys().collect(),)*
                    $(Kind::$part => self.stores.$part_field.keys().collect(),)*
                    $(Kind::$custom(group) => self.stores.$custom_field.keys(group),)*
                }
            }
        }

        $(place!($own, $own_field, $own_field);)*
        $(place!($part, $part_field, $whole_field);)*
        $(
            impl PlacedSpec for $spec {
                fn store(view: &View) -> &CustomStore<Self> {
                    &view.stores.$custom_field
                }

                fn store_mut(view: &mut View) -> (&mut CustomStore<Self>, &mut Keys) {
                    (&mut view.stores.$custom_field, &mut view.dirty.$custom_field)
                }
            }
        )*
    };
}

/// Implements [`Placed`].
macro_rules! place {
    ($kind:ident, $store:ident, $dirty:ident) => {
        impl Placed for $kind {
            fn store_mut(view: &mut View) -> (&mut Store<Self>, &mut Keys) {
                (&mut view.stores.$store, &mut view.dirty.$dirty)
            }
        }
    };
}

custom_kinds!(with_custom);

impl Kind {
    /// Returns its names in the API.
    pub(crate) fn api_resource(self) -> ApiResource {
        let (group, version) = self.group_and_version();
        let names = GroupVersionKind::gvk(group, version, self.name());
        ApiResource::from_gvk_with_plural(&names, self.plural())
    }

    /// Returns the resource that permissions name.
    pub(crate) fn resource(self) -> String {
        match self.group_and_version().0 {
            _ if self.is_custom() => format!("{} of Traefik's API group", self.plural()),
            "" => self.plural().to_owned(),
            group => format!("{}.{group}", self.plural()),
        }
    }
}
