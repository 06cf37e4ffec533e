package sandbox

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// entered are the namespaces of a container in which another process can be started, the network's as well.
var entered = []string{"net", "ipc", "uts", "pid", "mnt"}

// StartBeside starts a command beside a container's first process: in its namespaces and folder, with its environment,
// and as restricted as it is.
func StartBeside(process int, spec Spec, command *exec.Cmd) error {
	command.Env, command.Dir = spec.Environment, spec.WorkingDirectory
	command.SysProcAttr = &syscall.SysProcAttr{
		Setsid:     true,
		Credential: &syscall.Credential{Uid: uint32(spec.User), Gid: uint32(spec.Group)},
	}
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread, which is in the container, ends with this goroutine
		err := enter(process)
		if err == nil && spec.Unprivileged {
			err = giveUpPrivileges()
		}
		if err == nil {
			err = command.Start()
		}
		result <- err
	}()
	return <-result
}

// enter moves the calling thread into the namespaces of a process; its children will be in the PID namespace too.
func enter(process int) error {
	// Threads that share a root cannot enter a mount namespace.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("have a root of its own: %w", err)
	}
	var files []*os.File
	defer func() {
		for _, file := range files {
			file.Close()
		}
	}()
	for _, name := range entered {
		file, err := os.Open(fmt.Sprintf("/proc/%d/ns/%s", process, name))
		if err != nil {
			return err
		}
		files = append(files, file)
	}
	for i, file := range files {
		if err := unix.Setns(int(file.Fd()), 0); err != nil {
			return fmt.Errorf("enter the container's namespace %q: %w", entered[i], err)
		}
	}
	return nil
}
