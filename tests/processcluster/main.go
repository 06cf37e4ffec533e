// Command processcluster runs a real Kubernetes control plane whose pods are plain processes, for tests on one machine.
//
// It starts an API server over an embedded etcd, the controllers that Deployments and Services need, and a small kubelet
// of its own, which runs each container as a local executable in a network namespace of its own. Everything lives in
// one network namespace without a way out, and in one PID namespace that ends with this program.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime"

	"flow-proxy/processcluster/internal/sandbox"
)

// options are what the launcher was asked for; the roles that it starts receive them as the same flags.
type options struct {
	dir    string
	netns  string
	images string
	audit  string
	port   int
}

func init() {
	// The launcher enters the cluster's network namespace with its main thread, and its child must see that thread live.
	runtime.LockOSThread()
}

func main() {
	log.SetFlags(log.Ltime | log.Lmicroseconds)
	role, arguments := "launcher", os.Args[1:]
	if len(arguments) > 0 && isRole(arguments[0]) {
		role, arguments = arguments[0], arguments[1:]
	}
	log.SetPrefix(role + ": ")
	if role == sandbox.Role {
		log.Fatal(sandbox.Init())
	}
	options, err := parse(arguments)
	if err != nil {
		log.Fatal(err)
	}
	if err := run(role, options); err != nil {
		log.Fatal(err)
	}
}

func isRole(name string) bool {
	switch name {
	case sandbox.Role, roleSupervisor, roleAPIServer, roleControllerManager, roleKubelet:
		return true
	}
	return false
}

func run(role string, options options) error {
	switch role {
	case roleSupervisor:
		return supervise(options)
	case roleAPIServer:
		return runAPIServer(options)
	case roleControllerManager:
		return runControllerManager(options)
	case roleKubelet:
		return runKubelet(options)
	default:
		return launch(options)
	}
}

func parse(arguments []string) (options, error) {
	var parsed options
	flags := flag.NewFlagSet("processcluster", flag.ExitOnError)
	flags.StringVar(&parsed.dir, "dir", "", "data directory, emptied of an earlier cluster's state (required)")
	flags.StringVar(&parsed.images, "images", "", "JSON file that maps image names to executables (required)")
	flags.StringVar(&parsed.netns, "netns", "processcluster", "name of the network namespace to create")
	flags.StringVar(&parsed.audit, "audit", "", "audit policy of the API server, which then writes DIR/logs/audit.log")
	flags.IntVar(&parsed.port, "port", 6443, "HTTPS port of the API server; etcd takes the two ports after it")
	if err := flags.Parse(arguments); err != nil {
		return options{}, err
	}
	if parsed.dir == "" || parsed.images == "" {
		return options{}, fmt.Errorf("-dir and -images are required")
	}
	for _, path := range []*string{&parsed.dir, &parsed.images} {
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return options{}, err
		}
		*path = absolute
	}
	return parsed, nil
}

// arguments are the flags that give the same options to another role of this program.
func (o options) arguments(role string) []string {
	return []string{role, "-dir", o.dir, "-images", o.images, "-netns", o.netns, "-audit", o.audit, "-port", fmt.Sprint(o.port)}
}

// path is a file or folder of the cluster's data directory.
func (o options) path(elements ...string) string {
	return filepath.Join(append([]string{o.dir}, elements...)...)
}
