//! The operator's side: API, dashboard, metrics, health.
