//! The origins of the dynamic configuration: a cluster, or a folder of manifests in its place, and Traefik's files.

use super::Refusal;
use super::obstacles::Obstacles;
use crate::settings::{self, Settings, Warning};
use flow_controller::certificates;
use flow_controller::lease;
use flow_controller::provider::{
    self, Connection, CrdProvider, FileOptions, IngressProvider, Issuing, Kubernetes, KubernetesOptions,
    ManifestsOptions, Provider, SelectorError, Update,
};
use flow_controller::resolvers;
use flow_controller::translate::{CrdOptions, IngressOptions};
use flow_file as file;
use flow_model::config::{RuleSyntax, Source};
use flow_model::diagnostic::Diagnostic;
use flow_model::diagnostic::causes;
use futures_util::future::select_all;
use std::io::ErrorKind;
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// The origins of configuration of the process.
pub(super) struct Sources {
    origins: Vec<Origin>,
    /// The order of the providers that the settings name.
    order: Vec<settings::ProviderName>,
}

/// One origin, and the last that came of it.
struct Origin {
    feed: Feed,
    latest: Option<Update>,
    has_ended: bool,
}

enum Feed {
    Cluster(Box<Kubernetes>),
    Files(Provider),
    Folder(Provider),
}

/// The issuing of certificates, by who asks for them.
pub(super) struct Issuers {
    /// A folder of manifests.
    pub(super) issuing: Issuing,
    /// cert-manager's objects in a cluster.
    pub(super) certificates: Option<certificates::Options>,
    /// Routers that name resolvers, in a cluster.
    pub(super) resolvers: Option<resolvers::Options>,
}

/// Starts what the settings name, on the current runtime and until `stop` is cancelled.
///
/// # Errors
/// The label selector of a folder is none, or the settings lead to no API server.
pub(super) async fn start(settings: &Settings, issued: Issuers, stop: CancellationToken) -> Result<Sources, Refusal> {
    let Issuers { issuing, certificates, resolvers } = issued;
    let files = settings.providers.file.as_ref().and_then(file_options);
    let files = files.map(|options| Feed::Files(provider::file(options, stop.clone())));
    let feed = match &settings.providers.manifests {
        Some(folder) => Some(Feed::Folder(provider::manifests(manifests_options(settings, folder)?, issuing, stop))),
        None if wants_cluster(settings) => {
            if settings.providers.kubernetes_crd.as_ref().is_some_and(|k| k.safe_naming.is_none()) {
                tracing::warn!(
                    "providers.kubernetesCRD.safeNaming is not set: names of objects are made as namespace-name, which two \
                     objects may share; set it to true, and refer to namespace_name, or to false to keep them"
                );
            }
            let options = KubernetesOptions { certificates, resolvers, ..kubernetes_options(settings) };
            Some(Feed::Cluster(Box::new(provider::kubernetes(options, stop).await?)))
        }
        None => None,
    };
    let feeds = feed.into_iter().chain(files);
    Ok(Sources {
        origins: feeds.map(|feed| Origin { feed, latest: None, has_ended: false }).collect(),
        order: settings.providers.precedence.clone(),
    })
}

pub(super) fn wants_cluster(settings: &Settings) -> bool {
    settings.providers.kubernetes_ingress.is_some() || settings.providers.kubernetes_crd.is_some()
}

/// Looks whether there is what [`start`] begins with. An API server is not asked for.
pub(super) fn look(settings: &Settings, found: &mut Obstacles, warnings: &mut Vec<Warning>) {
    let providers = &settings.providers;
    let selectors = [
        ("kubernetesIngress", providers.kubernetes_ingress.as_ref().map(|k| &k.provider.label_selector)),
        ("kubernetesCRD", providers.kubernetes_crd.as_ref().map(|k| &k.provider.label_selector)),
        ("manifests", providers.manifests.as_ref().map(|k| &k.label_selector)),
    ];
    for (name, selector) in selectors.into_iter().filter_map(|(name, selector)| Some((name, selector?))) {
        found.or(&format!("providers.{name}.labelSelector"), provider::label_selector(selector));
    }
    if let Some(folder) = &providers.manifests {
        match provider::manifest_files(&folder.directory) {
            Ok(files) if files.is_empty() => {
                warnings.push(Warning::NoManifests { directory: folder.directory.clone() });
            }
            Ok(_) => {}
            Err(error) => found.add("providers.manifests.directory", no_folder(&folder.directory, &error)),
        }
    } else if wants_cluster(settings) {
        if let Err(error) = kubernetes_options(settings).connection.look() {
            found.add("providers", causes(&error));
        }
    } else if providers.file.is_none() {
        warnings.push(Warning::NoProvider);
    }
    if let Some(options) = providers.file.as_ref().and_then(file_options) {
        look_for_files(&options, found, warnings);
    }
}

/// What is not there yet may come, if it is watched.
fn look_for_files(options: &FileOptions, found: &mut Obstacles, warnings: &mut Vec<Warning>) {
    let path = options.origin.path();
    let (option, is_named_right) = match &options.origin {
        file::Origin::File(_) => ("providers.file.filename", file::is_read(path)),
        file::Origin::Folder(_) => ("providers.file.directory", true),
    };
    if !is_named_right {
        found.add(option, format!("the name of {} must end in .toml, .yaml or .yml", path.display()));
        return;
    }
    match file::files_of(&options.origin) {
        Ok(files) if files.is_empty() => warnings.push(Warning::NoFiles { directory: path.to_owned() }),
        Ok(_) => {}
        Err(error) if options.watch && error.kind() == ErrorKind::NotFound => {
            warnings.push(Warning::NotThereYet { path: path.to_owned() });
        }
        Err(error) => found.add(option, format!("cannot read {}: {error}", path.display())),
    }
}

fn no_folder(directory: &Path, error: &std::io::Error) -> String {
    let way_out = match error.kind() {
        ErrorKind::NotFound => "make it, or name the folder of your manifests",
        ErrorKind::NotADirectory => "name the folder that the file is in",
        ErrorKind::PermissionDenied => "let this user list it",
        _ => "name a folder that can be listed",
    };
    format!("cannot read the folder {}: {error}; {way_out}", directory.display())
}

impl Feed {
    const fn provider(&self) -> &Provider {
        match self {
            Self::Cluster(cluster) => &cluster.provider,
            Self::Files(provider) | Self::Folder(provider) => provider,
        }
    }

    const fn provider_mut(&mut self) -> &mut Provider {
        match self {
            Self::Cluster(cluster) => &mut cluster.provider,
            Self::Files(provider) | Self::Folder(provider) => provider,
        }
    }
}

impl Origin {
    /// Waits for the next update; false if there are no more.
    async fn changed(&mut self) -> bool {
        let update = self.feed.provider_mut().next().await;
        self.has_ended = update.is_none();
        let changed = update.is_some();
        self.latest = update.or_else(|| self.latest.take());
        changed
    }
}

impl Sources {
    /// Waits for news of any of them; false once there can be none. May be dropped before it is ready.
    pub(super) async fn changed(&mut self) -> bool {
        loop {
            let running: Vec<_> = self.origins.iter_mut().filter(|origin| !origin.has_ended).collect();
            if running.is_empty() {
                return false;
            }
            if select_all(running.into_iter().map(|origin| Box::pin(origin.changed()))).await.0 {
                return true;
            }
        }
    }

    /// Waits until what must be given back to the cluster is, once the token given to [`start`] was cancelled.
    pub(super) async fn ended(self) {
        for origin in self.origins {
            if let Feed::Cluster(cluster) = origin.feed {
                cluster.ended().await;
            }
        }
    }

    /// The cluster, where there is one.
    pub(super) fn cluster(&self) -> Option<&Kubernetes> {
        self.origins.iter().find_map(|origin| match &origin.feed {
            Feed::Cluster(cluster) => Some(&**cluster),
            Feed::Files(_) | Feed::Folder(_) => None,
        })
    }

    fn updates(&self) -> impl Iterator<Item = &Update> {
        self.origins.iter().filter_map(|origin| origin.latest.as_ref())
    }

    /// The configurations known now.
    pub(super) fn known(&self) -> Vec<Source> {
        let sources = self.updates().flat_map(|update| update.sources.iter().cloned());
        sources.map(|source| Source { precedence: precedence(&source, &self.order), ..source }).collect()
    }

    /// Findings about the origins themselves.
    pub(super) fn diagnostics(&self) -> impl Iterator<Item = &Diagnostic> {
        self.updates().flat_map(|update| update.diagnostics.iter())
    }

    /// Tells the origins that what [`Sources::known`] gave is served.
    pub(super) fn applied(&self) {
        for origin in &self.origins {
            if let Some(update) = &origin.latest {
                origin.feed.provider().applied(update.version);
            }
        }
    }

    /// The names of the origins that have not told anything yet.
    pub(super) fn waiting_for(&self) -> Vec<String> {
        let name = |origin: &Origin| match &origin.feed {
            Feed::Cluster(_) => "Kubernetes".to_owned(),
            Feed::Files(_) => "the dynamic configuration files".to_owned(),
            Feed::Folder(_) => "the folder of manifests".to_owned(),
        };
        self.origins.iter().filter(|origin| origin.latest.is_none()).map(name).collect()
    }
}

/// Returns the precedence of a provider: the first of `order` comes after the proxy's own routers, and those that it does
/// not name come last, in Traefik's order.
fn precedence(source: &Source, order: &[settings::ProviderName]) -> u32 {
    let place = match order.iter().position(|name| name.0 == &*source.provider) {
        Some(place) => place as u64 + 1,
        None => order.len() as u64 + u64::from(source.precedence),
    };
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// The options of a folder of manifests. Where both Kubernetes providers have an option, it stands for both.
///
/// # Errors
/// The label selector is none.
pub(super) fn manifests_options(
    settings: &Settings,
    from: &settings::Manifests,
) -> Result<ManifestsOptions, SelectorError> {
    Ok(ManifestsOptions {
        directory: from.directory.clone(),
        watch: from.watch,
        namespaces: from.namespaces.clone(),
        label_selector: provider::label_selector(&from.label_selector)?,
        throttle: from.throttle,
        ingress: ingress_options(settings, &from.ingress),
        crd: CrdOptions {
            allow_empty_services: from.ingress.allow_empty_services,
            allow_external_name_services: from.ingress.allow_external_name_services,
            cross_provider_namespaces: from.ingress.cross_provider_namespaces.clone(),
            disable_cluster_scope_resources: from.ingress.disable_cluster_scope_resources,
            ingress_class: from.ingress.ingress_class.clone(),
            native_lb_by_default: from.ingress.native_lb_by_default,
            ..from.crd.clone()
        },
    })
}

/// The options of dynamic configuration files; `None` if neither a file nor a folder is named.
pub(super) fn file_options(from: &settings::File) -> Option<FileOptions> {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let origin = match (&from.directory, &from.filename) {
        (Some(folder), _) => file::Origin::Folder(absolute(folder)),
        (None, Some(file)) => file::Origin::File(absolute(file)),
        (None, None) => return None,
    };
    Some(FileOptions { origin, watch: from.watch, log_rendered: from.debug_log_generated_template })
}

/// The options of reading a cluster, without certificates.
fn kubernetes_options(settings: &Settings) -> KubernetesOptions {
    let (ingress, crd) = (&settings.providers.kubernetes_ingress, &settings.providers.kubernetes_crd);
    let server = ingress.as_ref().map(|k| &k.server).or_else(|| crd.as_ref().map(|k| &k.server));
    KubernetesOptions {
        connection: server.map(connection).unwrap_or_default(),
        ingress: ingress
            .as_ref()
            .map(|k| IngressProvider { options: ingress_options(settings, &k.provider.options), ..k.provider.clone() }),
        crd: crd.as_ref().map(|k| CrdProvider {
            options: CrdOptions { safe_naming: k.safe_naming.unwrap_or_default(), ..k.provider.options.clone() },
            ..k.provider.clone()
        }),
        certificates: None,
        resolvers: None,
        lease: lease::Options::of_process("flow-proxy"),
    }
}

fn connection(server: &settings::ApiServer) -> Connection {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Connection {
        endpoint: some(&server.endpoint),
        token: some(server.token.expose()),
        certificate_authority: server.cert_auth_file_path.clone(),
    }
}

fn ingress_options(settings: &Settings, from: &IngressOptions) -> IngressOptions {
    let default_rule_syntax_v2 = settings.core.default_rule_syntax == Some(RuleSyntax::V2);
    IngressOptions { default_rule_syntax_v2, ..from.clone() }
}
