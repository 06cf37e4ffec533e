// Package network makes the cluster's network: a namespace with a bridge, and a namespace with a veth for each pod.
package network

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

const namespaces = "/run/netns"

// Create makes a named network namespace, in place of one of that name that no process uses.
func Create(name string) error {
	if _, err := os.Stat(filepath.Join(namespaces, name)); err == nil {
		users, err := output("ip", "netns", "pids", name)
		if err != nil {
			return err
		}
		if users = strings.Join(strings.Fields(users), " "); users != "" {
			return fmt.Errorf("the network namespace %q is in use by the processes %s", name, users)
		}
		if err := Delete(name); err != nil {
			return err
		}
	}
	return ip("netns", "add", name)
}

// Delete removes a named network namespace; it lives on while a process is in it.
func Delete(name string) error {
	return ip("netns", "delete", name)
}

// Enter moves the calling thread, which must be locked to its goroutine, into a named network namespace.
func Enter(name string) error {
	file, err := os.Open(filepath.Join(namespaces, name))
	if err != nil {
		return err
	}
	defer file.Close()
	if err := unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter the network namespace %q: %w", name, err)
	}
	return nil
}

// Sysctl sets a variable of a named network namespace, as net.ipv4.ip_unprivileged_port_start.
func Sysctl(namespace, name, value string) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread is in another namespace now
		err := Enter(namespace)
		if err == nil {
			err = os.WriteFile(filepath.Join("/proc/sys", strings.ReplaceAll(name, ".", "/")), []byte(value), 0o644)
		}
		result <- err
	}()
	return <-result
}

// ip runs one command of iproute2.
func ip(arguments ...string) error {
	_, err := output("ip", arguments...)
	return err
}

func output(program string, arguments ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	command := exec.Command(program, arguments...)
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", program, strings.Join(arguments, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}
