//! Options of a service that are read and have no effect.

use super::Service;
use flow_model::config::{HealthCheck, HealthCheckMode, LoadBalancer, ServiceKind, Strategy};

impl Service {
    /// The options that have no effect, each with the reason.
    pub(crate) fn ineffective(&self) -> Vec<String> {
        match &self.config.kind {
            ServiceKind::LoadBalancer(balancer) => of_balancer(balancer),
            ServiceKind::Failover(failover) => {
                let errors = failover.errors.as_ref().filter(|errors| errors.status.is_empty());
                let limit = errors.and_then(|errors| errors.max_request_body_bytes).filter(|limit| *limit >= 0);
                limit
                    .map(|_| "errors.maxRequestBodyBytes has no effect without errors.status".to_owned())
                    .into_iter()
                    .collect()
            }
            // A body that no mirror gets is within any `maxBodySize`: Traefik's documentation shows both side by side.
            ServiceKind::Mirroring(_) | ServiceKind::Weighted(_) | ServiceKind::HighestRandomWeight(_) => Vec::new(),
        }
    }
}

fn of_balancer(balancer: &LoadBalancer) -> Vec<String> {
    let mut found = Vec::new();
    match balancer.strategy {
        Strategy::Hrw if balancer.sticky.as_ref().is_some_and(|sticky| sticky.cookie.is_some()) => {
            found.push("sticky has no effect with the strategy hrw, which keeps a client by its address".to_owned());
        }
        Strategy::P2c if balancer.servers.iter().any(|server| server.weight.is_some_and(|weight| weight != 1)) => {
            found.push("weights of servers have no effect with the strategy p2c".to_owned());
        }
        _ => {}
    }
    if let Some(check) = balancer.health_check.as_ref().filter(|check| check.mode == Some(HealthCheckMode::Grpc)) {
        let options = of_grpc(check);
        if !options.is_empty() {
            found.push(format!("healthCheck: {} without effect in the mode grpc", options.join(", ")));
        }
    }
    found
}

fn of_grpc(check: &HealthCheck) -> Vec<&'static str> {
    let given = [
        ("path", !matches!(check.path.as_str(), "" | "/")),
        ("method", !check.method.is_empty()),
        ("hostname", !check.hostname.is_empty()),
        ("headers", !check.headers.is_empty()),
        ("status", check.status != 0),
        ("followRedirects", check.follow_redirects == Some(false)),
    ];
    given.into_iter().filter(|(_, is_given)| *is_given).map(|(option, _)| option).collect()
}

#[cfg(test)]
mod tests {
    use crate::service::tests::World;

    #[test]
    fn what_has_no_effect_is_told() {
        let servers = r#""servers": [{"url": "http://10.0.0.1:80", "weight": 2}]"#;
        for (json, expected) in [
            (format!(r#"{{"loadBalancer": {{{servers}, "sticky": {{"cookie": {{}}}}}}}}"#), None),
            (format!(r#"{{"loadBalancer": {{{servers}, "strategy": "p2c"}}}}"#), Some("weights of servers")),
            (
                format!(r#"{{"loadBalancer": {{{servers}, "strategy": "hrw", "sticky": {{"cookie": {{}}}}}}}}"#),
                Some("sticky"),
            ),
            (r#"{"loadBalancer": {"healthCheck": {"mode": "grpc", "path": "/"}}}"#.to_owned(), None),
            (
                r#"{"loadBalancer": {"healthCheck": {"mode": "grpc", "path": "/up", "headers": {"A": "b"}}}}"#
                    .to_owned(),
                Some("path, headers without effect"),
            ),
            (r#"{"mirroring": {"service": "s", "mirrorBody": false, "maxBodySize": 7}}"#.to_owned(), None),
            (
                r#"{"failover": {"service": "c", "fallback": "s", "errors": {"maxRequestBodyBytes": 7}}}"#.to_owned(),
                Some("maxRequestBodyBytes"),
            ),
        ] {
            let mut world = World::new();
            world.add_server("s", "http://10.0.0.1:80");
            world.add("c", r#"{"loadBalancer": {"healthCheck": {}}}"#);
            let found = world.add("x", &json).ineffective();
            assert_eq!(found.len(), usize::from(expected.is_some()), "{json} {found:?}");
            assert!(expected.is_none_or(|words| found[0].contains(words)), "{found:?}");
        }
    }
}
