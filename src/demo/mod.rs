//! `flow-proxy demo`: serves a folder of manifests with two backends, without a cluster.

mod backend;

use crate::app;
use crate::output::{print, print_error};
use crate::settings::{self, Command};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The manifests, with `{{first}}` and `{{second}}` for the backends' ports.
const MANIFESTS: [(&str, &str); 4] = [
    ("00-backends.yaml", include_str!("manifests/00-backends.yaml")),
    ("10-whoami.yaml", include_str!("manifests/10-whoami.yaml")),
    ("20-middlewares.yaml", include_str!("manifests/20-middlewares.yaml")),
    ("30-private.yaml", include_str!("manifests/30-private.yaml")),
];

/// Serves the demo until it is stopped.
pub(crate) fn run() -> ExitCode {
    let started = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let prepared = started.and_then(|runtime| {
        let ports = runtime.block_on(async {
            Ok::<_, std::io::Error>((backend::start("one").await?, backend::start("two").await?))
        })?;
        Ok((prepare(ports)?, runtime))
    });
    let (folder, _backends) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            print_error(format_args!("the demo cannot start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let (web, websecure, traefik) = (free_port(8000), free_port(8443), free_port(8080));
    let aliases = |name: &str| format!("--entrypoints.{name}.http.aliasheadersstrategy=delete");
    let flags = [
        aliases("web"),
        aliases("websecure"),
        aliases("traefik"),
        format!("--entrypoints.web.address=127.0.0.1:{web}"),
        format!("--entrypoints.websecure.address=127.0.0.1:{websecure}"),
        "--entrypoints.websecure.http.tls=true".to_owned(),
        format!("--entrypoints.traefik.address=127.0.0.1:{traefik}"),
        "--api.insecure=true".to_owned(),
        "--ping=true".to_owned(),
        "--metrics.prometheus=true".to_owned(),
        "--log.level=WARN".to_owned(),
        format!("--providers.manifests.directory={}", folder.display()),
    ];
    let no_file = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
    match settings::parse(flags, [], &no_file) {
        Ok(Command::Run(settings, warnings)) => {
            // Without a reader of the addresses there is no use in serving them.
            let greeted = print(greeting(&folder, web, websecure, traefik));
            app::say(&warnings);
            let code = if greeted.is_ok() { app::run(&settings) } else { ExitCode::SUCCESS };
            // An error may be ignored: the system clears its temporary folder too.
            let _ = std::fs::remove_dir_all(&folder);
            code
        }
        Ok(_) => ExitCode::FAILURE,
        Err(mistakes) => {
            print_error(mistakes);
            ExitCode::FAILURE
        }
    }
}

/// The wished port if it is free, else any free one.
fn free_port(wished: u16) -> u16 {
    let free = |port| TcpListener::bind(("127.0.0.1", port)).and_then(|l| l.local_addr()).map(|a| a.port());
    free(wished).or_else(|_| free(0)).unwrap_or(wished)
}

fn prepare((first, second): (u16, u16)) -> std::io::Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("flow-proxy-demo-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    for (name, text) in MANIFESTS {
        let text = text.replace("{{first}}", &first.to_string()).replace("{{second}}", &second.to_string());
        std::fs::write(folder.join(name), text)?;
    }
    Ok(folder)
}

fn greeting(folder: &Path, web: u16, websecure: u16, traefik: u16) -> String {
    format!(
        "flow-proxy serves the manifests in {}\n\
         \n\
         Try, in another terminal or (the http ones) in a browser:\n\
         \x20 curl http://whoami.localhost:{web}/                          two backends in turn\n\
         \x20 curl -k https://whoami.localhost:{websecure}/                    the same over TLS, with a certificate of its own\n\
         \x20 curl -i --compressed http://guarded.localhost:{web}/big      security headers, compression, a rate limit\n\
         \x20 curl -u demo:demo http://whoami.localhost:{web}/private/x    a password, and a prefix that is taken off\n\
         \x20 http://127.0.0.1:{traefik}/dashboard/                           what is served, and what is wrong\n\
         \x20 http://127.0.0.1:{traefik}/metrics                              Prometheus\n\
         \n\
         Edit a file in that folder: the change is served at once. Stop with Ctrl-C.",
        folder.display()
    )
}
