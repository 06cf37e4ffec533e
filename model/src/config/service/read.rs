//! The form in which a service is read: any of its kinds may be there.

use super::{Failover, HighestRandomWeight, LoadBalancer, Mirroring, ServiceKind, Weighted};
use crate::name::Name;
use serde::Deserialize;

/// A service as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Service {
    load_balancer: Option<LoadBalancer>,
    weighted: Option<Weighted>,
    highest_random_weight: Option<HighestRandomWeight>,
    mirroring: Option<Mirroring>,
    failover: Option<Failover>,
    #[serde(default)]
    middlewares: Vec<Name>,
}

/// The reason why a service cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServiceFormError {
    #[error(
        "a service must have one of loadBalancer, weighted, highestRandomWeight, mirroring and failover, and it has none"
    )]
    None,
    #[error("a service must have one of loadBalancer, weighted, highestRandomWeight, mirroring and failover")]
    Several,
}

impl TryFrom<Service> for super::Service {
    type Error = ServiceFormError;

    fn try_from(written: Service) -> Result<Self, ServiceFormError> {
        let Service { load_balancer, weighted, highest_random_weight, mirroring, failover, middlewares } = written;
        let mut kinds = [
            load_balancer.map(ServiceKind::LoadBalancer),
            weighted.map(ServiceKind::Weighted),
            highest_random_weight.map(ServiceKind::HighestRandomWeight),
            mirroring.map(ServiceKind::Mirroring),
            failover.map(ServiceKind::Failover),
        ]
        .into_iter()
        .flatten();
        match (kinds.next(), kinds.next()) {
            (Some(kind), None) => Ok(Self { kind, middlewares }),
            (None, _) => Err(ServiceFormError::None),
            (Some(_), Some(_)) => Err(ServiceFormError::Several),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use crate::config::Service;
    use serde_json::{Value, json};

    /// The JSON of the service that `json` is read as.
    fn again(json: Value) -> Result<Value, String> {
        let service: Service = serde_json::from_value(json).map_err(|error| error.to_string())?;
        Ok(serde_json::to_value(service).unwrap())
    }

    #[test]
    fn defaults_are_those_of_traefiks_dynamic_configuration() {
        let balancer = json!({"loadBalancer": {"healthCheck": {"path": "/up"}, "passiveHealthCheck": {}}});
        assert_eq!(
            again(balancer).unwrap(),
            json!({"loadBalancer": {
                "healthCheck": {
                    "mode": "http", "path": "/up", "interval": "30s", "timeout": "5s", "followRedirects": true,
                },
                "passiveHealthCheck": {"failureWindow": "10s", "maxFailedAttempts": 1},
                "passHostHeader": true,
                "responseForwarding": {"flushInterval": "100ms"},
                "strategy": "wrr",
            }})
        );
        assert_eq!(
            again(json!({"mirroring": {"service": "a", "mirrors": [{"name": "b", "percent": 10}, {"name": "c"}]}})),
            Ok(json!({"mirroring": {
                "service": "a", "mirrorBody": true, "maxBodySize": -1,
                "mirrors": [{"name": "b", "percent": 10}, {"name": "c"}],
            }}))
        );
        assert_eq!(
            again(json!({"failover": {"service": "a", "fallback": "b", "errors": {"status": ["500-599"]}}})),
            Ok(json!({"failover": {
                "service": "a", "fallback": "b", "errors": {"status": ["500-599"], "maxRequestBodyBytes": -1},
            }}))
        );
    }

    #[test]
    fn defaults_of_what_services_consist_of() {
        assert_eq!(
            again(json!({"weighted": {"services": [{"name": "a"}], "sticky": {"cookie": {}}}})),
            Ok(json!({"weighted": {
                "services": [{"name": "a", "weight": 1}], "sticky": {"cookie": {"path": "/"}},
            }}))
        );
    }

    #[test]
    fn what_is_set_is_kept() {
        for service in [
            json!({"loadBalancer": {
                "healthCheck": {
                    "scheme": "https", "mode": "grpc", "path": "/up", "method": "HEAD", "status": 204, "port": 81,
                    "interval": "1m0s", "unhealthyInterval": "1s", "timeout": "300ms", "hostname": "a.test",
                    "followRedirects": false, "headers": {"X-A": "1"},
                },
                "passiveHealthCheck": {"failureWindow": "1s", "maxFailedAttempts": 3},
                "passHostHeader": true,
                "responseForwarding": {"flushInterval": "100ms"},
                "strategy": "leasttime",
            }}),
            json!({"weighted": {"services": [{"name": "a", "weight": 2}], "healthCheck": {}}}),
            json!({"highestRandomWeight": {"services": [{"name": "a", "weight": 2}], "healthCheck": {}}}),
            json!({"mirroring": {"service": "a", "mirrorBody": false, "maxBodySize": 0, "healthCheck": {}}}),
            json!({"failover": {"service": "a", "fallback": "b", "healthCheck": {}}, "middlewares": ["m"]}),
        ] {
            assert_eq!(again(service.clone()), Ok(service));
        }
    }

    #[test]
    fn a_service_has_one_kind() {
        assert!(again(json!({})).unwrap_err().contains("none"));
        let two = json!({"failover": {"service": "a", "fallback": "b"}, "weighted": {"services": []}});
        assert!(again(two).unwrap_err().contains("one of"));
        let strategy = json!({"loadBalancer": {"strategy": "best"}});
        assert!(again(strategy).unwrap_err().contains("leasttime"));
    }
}
