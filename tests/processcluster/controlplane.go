package main

import (
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/version" // the version metrics of the components' /metrics
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"

	"flow-proxy/processcluster/internal/network"
)

// controllers are those that workloads, Services and the cleaning up after them need.
var controllers = []string{
	"deployment-controller",
	"replicaset-controller",
	"statefulset-controller",
	"daemonset-controller",
	"job-controller",
	"endpoints-controller",
	"endpointslice-controller",
	"endpointslice-mirroring-controller",
	"serviceaccount-controller",
	"namespace-controller",
	"garbage-collector-controller",
	"clusterrole-aggregation-controller",
	"root-ca-certificate-publisher-controller",
}

// runAPIServer runs etcd and the API server in this process until it is killed.
func runAPIServer(options options) error {
	etcdURL, err := startEtcd(options.path("etcd"), options.port+1)
	if err != nil {
		return fmt.Errorf("start etcd: %w", err)
	}
	var audit []string
	if options.audit != "" {
		audit = []string{
			"--audit-policy-file=" + options.audit,
			"--audit-log-path=" + options.path("logs", "audit.log"),
			"--audit-log-mode=blocking",
		}
	}
	return runComponent(apiserver.NewAPIServerCommand(), append(audit,
		"--etcd-servers="+etcdURL,
		fmt.Sprintf("--secure-port=%d", options.port),
		"--bind-address=0.0.0.0",
		"--advertise-address="+network.NodeIP,
		"--cert-dir="+options.path("certs"),
		"--token-auth-file="+options.path("tokens.csv"),
		"--authorization-mode=RBAC",
		"--service-cluster-ip-range=10.96.0.0/12",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file="+options.path("sa.key"),
		"--service-account-signing-key-file="+options.path("sa.key"),
		"--kubelet-preferred-address-types=InternalIP",
	)...)
}

// runControllerManager runs the controllers in this process until it is killed.
func runControllerManager(options options) error {
	return runComponent(controllermanager.NewControllerManagerCommand(),
		"--kubeconfig="+options.path("kubeconfig"),
		"--controllers="+strings.Join(controllers, ","),
		"--leader-elect=false",
		"--root-ca-file="+options.path("certs", "apiserver.crt"), // self-signed, made by the API server
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", controllerManagerPort),
		"--cert-dir="+options.path("certs"),
		"--kube-api-qps=200",
		"--kube-api-burst=400",
	)
}

func runComponent(command *cobra.Command, arguments ...string) error {
	command.SetArgs(arguments)
	os.Args = os.Args[:1] // the components read them once more, for their logging flags
	if code := cli.Run(command); code != 0 {
		return fmt.Errorf("%s ended with status %d", command.Name(), code)
	}
	return nil
}

// startEtcd serves an etcd that forgets its durability, for a cluster which no one restarts.
func startEtcd(dir string, port int) (string, error) {
	config := embed.NewConfig()
	config.Dir = dir
	config.UnsafeNoFsync = true
	config.LogLevel = "error"
	client := url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", port)}
	peer := url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", port+1)} // etcd insists on one, though it has no peers
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return "", err
	}
	<-etcd.Server.ReadyNotify()
	return client.String(), nil
}
