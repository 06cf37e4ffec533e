# The menu: `just` lists it. CI runs the same pieces through tests/run.

export CARGO_INCREMENTAL := "1"

_default:
    @just --list

# Format all code.
fmt:
    cargo fmt --all

# Formatting and lints, as CI sees them.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# Unit and documentation tests.
test:
    cargo test --workspace

# Look for input that breaks a parser: requests, response, proxy_protocol, path or rule. Needs cargo-fuzz and a nightly compiler.
fuzz TARGET *OPTIONS:
    cargo +nightly fuzz run {{ TARGET }} {{ OPTIONS }}

# The proxy against a real API server, backends and clients; names select files, as in `just e2e tls`.
e2e *NAMES="e2e":
    tests/run {{ NAMES }}

# Recorded answers and the project's own cases.
golden:
    tests/run golden

# CPU per request beside nginx and HAProxy, and ten thousand Ingresses.
bench-smoke:
    tests/run cost scale

# What flow-proxy costs beside nginx, HAProxy, Caddy and Traefik; options as in `just bench --workload h1,h2-32 --rounds 3`.
bench *OPTIONS:
    cargo build --profile dist
    benches/run compare {{ OPTIONS }}

# Where flow-proxy's CPU time goes under a workload of `bench`.
flame WORKLOAD="h1" *OPTIONS:
    cargo build --profile dist
    benches/run flame {{ WORKLOAD }} {{ OPTIONS }}

# A build that knows what is called often: target/guided/flow-proxy, made as the image is.
guided *OPTIONS:
    benches/run guided {{ OPTIONS }}

# Half an hour of load while routes change, servers die and mirrors hang; FLOW_SOAK_SECONDS and its like make it longer or shorter.
soak:
    tests/run soak

# Licences, sources and advisories of the dependencies.
deny:
    cargo deny check

# Write the CRDs from the Rust types.
crds:
    UPDATE=1 cargo test --quiet --package flow-controller --lib crd
    deploy/charts/sync-crds

# Everything, as CI runs it.
ci:
    .ci/run
