package kubelet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"

	"flow-proxy/processcluster/internal/sandbox"
)

const (
	streamIdleLimit = 4 * time.Hour    // as kubelets have it
	streamOpenLimit = 30 * time.Second // likewise
	outputLimit     = 5 * time.Second  // for what a process that has ended leaves behind with its output in hand
)

// serveExec runs a command in a container for `kubectl exec`, without a terminal.
func (k *Kubelet) serveExec(response http.ResponseWriter, request *http.Request) {
	options, err := remotecommand.NewOptions(request)
	if err == nil && options.TTY {
		err = errors.New("there are no terminals here: leave -t out")
	}
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	w := k.find(request.PathValue("namespace"), request.PathValue("pod"))
	if w == nil {
		http.Error(response, "the pod is not known here", http.StatusNotFound)
		return
	}
	remotecommand.ServeExec(response, request, w, "", "", request.PathValue("container"), request.URL.Query()["command"],
		options, streamIdleLimit, streamOpenLimit, remotecommand.SupportedStreamingProtocols)
}

// ExecInContainer runs a command in one of the pod's containers until it or the client ends.
func (w *worker) ExecInContainer(ctx context.Context, _, _, name string, words []string, in io.Reader, out, failures io.WriteCloser,
	_ bool, _ <-chan remotecommand.TerminalSize, _ time.Duration,
) error {
	process, spec, err := w.running(name)
	if err != nil {
		return err
	}
	// Programs without a folder are looked for in the machine's own, which containers see too.
	command := exec.CommandContext(ctx, words[0], words[1:]...)
	command.Stdout, command.Stderr, command.WaitDelay = out, failures, outputLimit
	if in != nil {
		input, err := command.StdinPipe() // else the command would not have ended before its input has
		if err != nil {
			return err
		}
		go func() {
			_, _ = io.Copy(input, in)
			_ = input.Close()
		}()
	}
	if err := sandbox.StartBeside(process, spec, command); err != nil {
		return err
	}
	err = command.Wait()
	if ended := (*exec.ExitError)(nil); errors.As(err, &ended) {
		return utilexec.CodeExitError{Err: err, Code: ended.ExitCode()}
	}
	return err
}

// running gives the process of a container that runs, and what it was started with.
func (w *worker) running(name string) (int, sandbox.Spec, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for _, container := range append(w.containers[:len(w.containers):len(w.containers)], w.initContainers...) {
		if container.spec.Name == name && container.status.State.Running != nil {
			return container.process, container.sandbox, nil
		}
	}
	return 0, sandbox.Spec{}, fmt.Errorf("the container %q does not run", name)
}
