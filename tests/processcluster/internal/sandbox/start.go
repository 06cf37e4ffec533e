package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"flow-proxy/processcluster/internal/network"
)

// specFD is where the container's process finds its Spec.
const specFD = 3

// Start starts a container in a pod's network namespace, or in the caller's if that is empty.
//
// The container's process is the first of a PID namespace: its end is the end of all processes that it started.
func Start(spec Spec, networkNamespace string, output io.Writer) (*exec.Cmd, error) {
	encoded, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	command := exec.Command("/proc/self/exe", Role)
	command.Stdout, command.Stderr = output, output
	command.ExtraFiles = []*os.File{reader}
	command.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
		Setsid:     true,
	}
	if err := startIn(networkNamespace, command); err != nil {
		writer.Close()
		return nil, err
	}
	_, err = writer.Write(encoded)
	if closeErr := writer.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		_ = command.Process.Kill()
		_ = command.Wait()
		return nil, fmt.Errorf("hand the container its specification: %w", err)
	}
	return command, nil
}

// startIn starts a command from a thread in another network namespace, which the command inherits.
func startIn(networkNamespace string, command *exec.Cmd) error {
	if networkNamespace == "" {
		return command.Start()
	}
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread, which is in the wrong namespace, ends with this goroutine
		err := network.Enter(networkNamespace)
		if err == nil {
			err = command.Start()
		}
		result <- err
	}()
	return <-result
}

// Init becomes the container: it makes the file system and executes the program. It returns only if that fails.
func Init() error {
	var spec Spec
	input := os.NewFile(specFD, "specification")
	if err := json.NewDecoder(input).Decode(&spec); err != nil {
		return fmt.Errorf("read the container's specification: %w", err)
	}
	input.Close()
	if err := unix.Sethostname([]byte(spec.Hostname)); err != nil {
		return fmt.Errorf("set the host name: %w", err)
	}
	program, err := makeRoot(spec)
	if err != nil {
		return err
	}
	if err := os.Chdir(spec.WorkingDirectory); err != nil {
		return err
	}
	if err := restrict(spec); err != nil {
		return err
	}
	if err := unix.Exec(program, append([]string{program}, spec.Arguments...), spec.Environment); err != nil {
		return fmt.Errorf("execute %s: %w", spec.Executable, err)
	}
	return nil
}
