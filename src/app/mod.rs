//! The process: start, reload, drain.

mod certificates;
mod control_plane;
mod data_plane;
mod entry_points;
mod findings;
mod internal;
mod log_lines;
mod observability;
mod obstacles;
mod prepare;
mod reload;
mod sources;
mod state;

use crate::output;
use crate::settings::{Settings, Warning};
use control_plane::ControlPlane;
use data_plane::DataPlane;
use flow_admin::{Admin, Facts};
use flow_model::config::{Source, precedence};
use flow_model::entry_point::EntryPoint;
use flow_model::name::INTERNAL;
use prepare::Prepared;
use proxy::compile::{Compiler, RecordInternals, Setup};
use proxy::forward::Tunnels;
use proxy::snapshot;
use reload::Reload;
use state::State;
use std::collections::HashSet;
use std::hash::RandomState;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

pub(crate) use findings::{Findings, findings};
pub(crate) use prepare::prepare;

/// Exit code of a start that the configuration does not allow.
pub(crate) const MISCONFIGURED: u8 = 2;

/// The reason for which the process cannot start, with the way out.
type Refusal = Box<dyn std::error::Error>;

/// Tells the operator what stops nothing.
pub(crate) fn say(warnings: &[Warning]) {
    for warning in warnings {
        output::print_error(format_args!("warning: {warning}"));
    }
}

/// Serves until a signal says to stop. 2 where the settings, or the files that they name, do not allow a start; 1 where
/// something else does not.
pub(crate) fn run(settings: &Settings) -> ExitCode {
    let prepared = match prepare(settings) {
        Ok(prepared) => prepared,
        Err(mistakes) => {
            output::print_error(mistakes);
            return ExitCode::from(MISCONFIGURED);
        }
    };
    say(&prepared.warnings);
    match start(settings, prepared) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::print_error(format_args!("flow-proxy cannot start: {}", flow_model::diagnostic::causes(&*error)));
            ExitCode::FAILURE
        }
    }
}

/// Starts everything in the order in which it must be there, and serves until a signal says to stop.
fn start(settings: &Settings, mut prepared: Prepared) -> Result<(), Refusal> {
    observability::start_log(&settings.log, std::mem::take(&mut prepared.log_filter))?;
    let log = observability::access_log(settings)?;
    let background =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("background").enable_all().build()?;
    let state = State::new(prepared.metrics.clone());
    let (tunnels, stop) = (Tunnels::new(), CancellationToken::new());
    let mut compiler = compiler(settings, &prepared, &state, background.handle(), &tunnels);
    let Prepared { entry_points, metrics, proxies, resolvers, .. } = prepared;
    for (scheme, proxy) in proxies.iter() {
        tracing::info!(
            proxy = proxy.address(),
            "requests to {scheme} servers go through a proxy, but for those of NO_PROXY"
        );
    }
    let own = own(settings, &entry_points);
    // Our own routers come first, so that health can be asked for from the first moment on.
    let (publisher, reader) = snapshot::live(compiler.compile(std::slice::from_ref(&own)).snapshot);
    let control = ControlPlane::open(resolvers)?;
    let data = DataPlane::bind(
        settings,
        &entry_points,
        reader,
        control.responders(),
        &proxies,
        log.clone(),
        metrics.as_ref(),
    )?;
    let running = control.start(settings, &entry_points, metrics.as_deref(), &state, &background, stop.clone())?;
    let reload = Reload {
        compiler,
        publisher,
        state: state.clone(),
        metrics,
        own,
        sources: running.sources,
        resolvers: running.resolvers,
        findings: running.findings,
        throttle: settings.providers.providers_throttle_duration,
        told: HashSet::new(),
        marks: RandomState::new(),
        certificates: Arc::default(),
    };
    let server = data.serve()?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "serving");
    let reload = background.spawn(reload.run());

    background.block_on(async {
        stop_signal(log.as_deref()).await?;
        tracing::info!("stopping: no new connections, requests in flight may end");
        state.stop();
        server.drain().await;
        tunnels.close();
        stop.cancel();
        // The Lease is released, so that another replica can lead at once; a panic in there has been logged.
        let _ = reload.await;
        Ok::<_, std::io::Error>(())
    })?;
    background.shutdown_background();
    if let Some(log) = log {
        log.flush();
    }
    Ok(())
}

/// Waits for SIGTERM or SIGINT; SIGUSR1 opens the access log anew.
async fn stop_signal(log: Option<&proxy::access_log::AccessLog>) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut reopen = signal(SignalKind::user_defined1())?;
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = reopen.recv() => if let Some(log) = log { log.reopen() },
        }
    }
}

/// The compiler of a configuration.
fn compiler(
    settings: &Settings,
    prepared: &Prepared,
    state: &State,
    background: &tokio::runtime::Handle,
    tunnels: &Tunnels,
) -> Compiler {
    let admin = Arc::new(Admin::new(facts(settings), state.clone()));
    Compiler::new(Setup {
        entry_points: Arc::clone(&prepared.entry_points),
        rule_syntax: settings.core.default_rule_syntax,
        strict_tls_options: settings.core.strict_tls_options,
        default_transport: prepared.default_transport.clone(),
        tunnels: tunnels.clone(),
        proxies: Arc::clone(&prepared.proxies),
        internals: internal::services(&admin, state, background),
        record_internals: RecordInternals {
            access_log: settings.access_log.as_ref().is_some_and(|log| log.add_internals),
            metrics: settings.metrics.add_internals,
        },
        metrics: prepared.metrics.clone(),
        checks: Some(background.clone()),
    })
}

/// Our own routers.
fn own(settings: &Settings, entry_points: &[Arc<EntryPoint>]) -> Source {
    Source::new(INTERNAL, precedence::INTERNAL, Arc::new(internal::config(settings, entry_points)))
}

fn facts(settings: &Settings) -> Facts {
    let shown = settings.redacted();
    let mut providers = Vec::new();
    let given = &settings.providers;
    for (on, name) in [
        (given.file.is_some(), "File"),
        (given.kubernetes_ingress.is_some(), "KubernetesIngress"),
        (given.kubernetes_crd.is_some(), "KubernetesCRD"),
        (given.manifests.is_some(), "Manifests"),
    ] {
        if on {
            providers.push(name);
        }
    }
    Facts {
        base_path: settings.api.as_ref().map(|api| api.base_path.trim_end_matches('/').to_owned()).unwrap_or_default(),
        dashboard_name: settings.api.as_ref().map(|api| api.dashboard_name.clone()).unwrap_or_default(),
        entry_points: shown["entryPoints"].as_object().cloned().unwrap_or_default(),
        providers,
        metrics: settings.metrics.prometheus.is_some(),
        access_log: settings.access_log.is_some(),
        version: env!("CARGO_PKG_VERSION"),
        started: jiff::Timestamp::now().to_string(),
        terminating_status: settings.ping.as_ref().map_or(503, |ping| ping.terminating_status_code),
    }
}
