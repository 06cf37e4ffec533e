//! A client for the certificate commands, used outside of a running proxy.

use super::objects::{custom, secret};
use super::resource::resource;
use super::write::{self, Written};
use crate::resolvers;
use crate::watch::{ConnectError, Connection, Environment};
use flow_acme::names::RESOLVER;
use flow_acme::objects::{ACME_GROUP, Certificate, GROUP, Object};
use flow_acme::planner::{Objects, View, renew};
use flow_acme::store::StoreError;
use flow_model::diagnostic::causes;
use k8s_openapi::api::core::v1 as core;
use kube::api::ListParams;
use kube::core::{ApiResource, DynamicObject};
use kube::{Api, Client};
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// The reason why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CertificateClientError {
    /// No API server could be reached.
    #[error("no cluster can be asked")]
    Connection(#[from] ConnectError),
    /// A kind does not exist in the cluster.
    #[error("the cluster does not serve {0}: install the definitions of cert-manager's objects")]
    Absent(String),
    /// The API server refuses, or does not respond.
    #[error("{0} cannot be read: {1}")]
    Read(String, String),
    /// A write was refused.
    #[error("the Certificate cannot be changed: {0}")]
    Write(#[source] StoreError),
}

/// A client for the certificates of a cluster.
pub struct CertificateClient(Client);

impl CertificateClient {
    /// Connects with the service account of the pod, else by `KUBECONFIG`.
    ///
    /// # Errors
    /// [`CertificateClientError::Connection`] if there is neither.
    pub async fn open() -> Result<Self, CertificateClientError> {
        Ok(Self(Connection::default().client(&Environment::of_process()).await?))
    }

    /// Returns the namespace of the pod, or of the kubeconfig's context.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.0.default_namespace()
    }

    /// Returns the certificate objects of a namespace, with every issuer that they may name. Of Secrets only those
    /// named by Certificates are read, as far as permitted.
    ///
    /// # Errors
    /// [`CertificateClientError::Absent`] and [`CertificateClientError::Read`].
    pub async fn load(&self, namespace: &str) -> Result<View, CertificateClientError> {
        let resolved = self.resolved(namespace).await;
        let mut view = match self.objects(namespace).await {
            Ok(view) => view,
            // Resolvers do without cert-manager's definitions, and without the right to read its objects.
            Err(CertificateClientError::Absent(_) | CertificateClientError::Read(..))
                if !resolved.issuers.is_empty() =>
            {
                View::default()
            }
            Err(error) => return Err(error),
        };
        view.issuers.extend(resolved.issuers.iter().map(|(key, object)| (key.clone(), Arc::clone(object))));
        view.certificates.extend(resolved.certificates.iter().map(|(key, object)| (key.clone(), Arc::clone(object))));
        view.requests.extend(resolved.requests.iter().map(|(key, object)| (key.clone(), Arc::clone(object))));
        view.orders.extend(resolved.orders.iter().map(|(key, object)| (key.clone(), Arc::clone(object))));
        view.challenges.extend(resolved.challenges.iter().map(|(key, object)| (key.clone(), Arc::clone(object))));
        let api: Api<core::Secret> = Api::namespaced(self.0.clone(), namespace);
        for certificate in view.certificates.values() {
            if let Ok(Some(found)) = api.get_opt(&certificate.spec.secret_name).await {
                let found = secret(&found);
                view.secrets.insert(found.key(), Arc::new(found));
            }
        }
        Ok(view)
    }

    /// The objects of cert-manager's kinds.
    async fn objects(&self, namespace: &str) -> Result<View, CertificateClientError> {
        let mut view = View {
            issuers: self.list(&resource(GROUP, "ClusterIssuer", "clusterissuers"), "").await?,
            certificates: self.list(&resource(GROUP, "Certificate", "certificates"), namespace).await?,
            requests: self.list(&resource(GROUP, "CertificateRequest", "certificaterequests"), namespace).await?,
            orders: self.list(&resource(ACME_GROUP, "Order", "orders"), namespace).await?,
            challenges: self.list(&resource(ACME_GROUP, "Challenge", "challenges"), namespace).await?,
            ..View::default()
        };
        let issuers = self.list(&resource(GROUP, "Issuer", "issuers"), namespace).await?;
        view.issuers.extend(issuers.iter().map(|(key, issuer)| (key.clone(), Arc::clone(issuer))));
        Ok(view)
    }

    /// The objects of certificate resolvers, as far as their Secrets may be read.
    async fn resolved(&self, namespace: &str) -> View {
        let api: Api<core::Secret> = Api::namespaced(self.0.clone(), namespace);
        let found = api.list(&ListParams::default().labels(RESOLVER)).await;
        resolvers::view_of(found.into_iter().flatten().map(|found| secret(&found)))
    }

    async fn list<S, T>(
        &self,
        resource: &ApiResource,
        namespace: &str,
    ) -> Result<Objects<Object<S, T>>, CertificateClientError>
    where
        S: DeserializeOwned,
        T: DeserializeOwned + Default,
    {
        let api: Api<DynamicObject> = if namespace.is_empty() {
            Api::all_with(self.0.clone(), resource)
        } else {
            Api::namespaced_with(self.0.clone(), namespace, resource)
        };
        let list = api.list(&ListParams::default()).await.map_err(|error| match error {
            // A group that is not there at all is not answered in JSON.
            kube::Error::Api(status) if status.code == 404 => CertificateClientError::Absent(resource.kind.clone()),
            // Its own words: the whole response is for programs.
            kube::Error::Api(status) => CertificateClientError::Read(resource.plural.clone(), status.message.clone()),
            error => CertificateClientError::Read(resource.plural.clone(), causes(&error)),
        })?;
        Ok(list
            .into_iter()
            .filter_map(|object| custom(&object))
            .map(|object| (object.key(), Arc::new(object)))
            .collect())
    }

    /// Asks for a new certificate, however long the present one is valid. The controller that issues here does the
    /// rest.
    ///
    /// # Errors
    /// [`CertificateClientError::Write`] if it is refused, or the object was changed in between.
    pub async fn renew(&self, view: &View, certificate: &Certificate) -> Result<(), CertificateClientError> {
        let now = jiff::Timestamp::now();
        let now = jiff::Timestamp::from_second(now.as_second()).unwrap_or(now);
        let (renewed, namespace) = (renew(certificate, now), &certificate.metadata.namespace);
        let done = if certificate.metadata.labels.contains_key(RESOLVER) {
            resolvers::do_write(&self.0, view, namespace, &renewed).await
        } else {
            write::write(&self.0, view, &renewed).await
        };
        match done {
            Ok(Written::Gone) => Err(CertificateClientError::Write(StoreError::Conflict)),
            written => written.map(drop).map_err(CertificateClientError::Write),
        }
    }
}

impl std::fmt::Debug for CertificateClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CertificateClient")
    }
}
