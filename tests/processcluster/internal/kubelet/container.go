package kubelet

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flow-proxy/processcluster/internal/sandbox"
)

// A container that ended is started again after this time, which doubles with each end in a row.
const (
	firstBackoff = time.Second
	lastBackoff  = 30 * time.Second
)

// container is one container of a worker's pod. What changes is guarded by the worker's mutex.
type container struct {
	worker *worker
	spec   *corev1.Container
	status corev1.ContainerStatus

	process int // while the status says that it runs
	sandbox sandbox.Spec
}

// process is a container that runs.
type process struct {
	command *exec.Cmd
	log     io.Closer
}

func newContainer(w *worker, spec *corev1.Container) *container {
	waiting := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}
	started := false
	return &container{worker: w, spec: spec, status: corev1.ContainerStatus{
		Name: spec.Name, Image: spec.Image, State: waiting, Started: &started,
	}}
}

// run keeps the container running until the pod ends or its restart policy says that it is done.
func (c *container) run() {
	c.repeat(func(code int) bool {
		policy := c.worker.pod.Spec.RestartPolicy
		return policy == corev1.RestartPolicyNever || policy == corev1.RestartPolicyOnFailure && code == 0
	})
}

// runInit runs the container until it succeeds once, and reports whether it did.
func (c *container) runInit() bool {
	succeeded := false
	c.repeat(func(code int) bool {
		succeeded = code == 0
		return succeeded || c.worker.pod.Spec.RestartPolicy == corev1.RestartPolicyNever
	})
	return succeeded
}

// repeat starts the container again and again until done says so of an exit code, or the pod ends.
func (c *container) repeat(done func(code int) bool) {
	backoff := firstBackoff
	for c.worker.stopping.Err() == nil {
		running, err := c.start()
		if err != nil {
			if !c.worker.sleep(retryInterval) {
				return
			}
			continue
		}
		started := time.Now()
		code := c.wait(running)
		if done(code) || c.worker.stopping.Err() != nil {
			return
		}
		if time.Since(started) > lastBackoff {
			backoff = firstBackoff
		}
		c.waiting("CrashLoopBackOff", "the process ended and is started again in "+backoff.String())
		if !c.worker.sleep(backoff) {
			return
		}
		backoff = min(2*backoff, lastBackoff)
		c.update(func(status *corev1.ContainerStatus) { status.RestartCount++ })
	}
}

// start starts the process, or says in the status why it cannot.
func (c *container) start() (*process, error) {
	w := c.worker
	image, err := w.kubelet.images.Find(c.spec.Image)
	if err != nil {
		c.failing("ImageNotMapped", err.Error())
		return nil, err
	}
	if c.status.RestartCount == 0 && !w.sleep(time.Duration(image.StartSeconds*float64(time.Second))) {
		return nil, context.Canceled
	}
	variables, err := w.kubelet.environment(w.stopping, w.pod, c.spec, image)
	if err != nil {
		c.failing("CreateContainerConfigError", err.Error())
		return nil, err
	}
	root := filepath.Join(w.folder, "roots", c.spec.Name)
	if err := os.MkdirAll(root, 0o755); err != nil {
		c.failing("CreateContainerError", err.Error())
		return nil, err
	}
	spec := sandbox.Spec{
		Root:             root,
		Hostname:         w.pod.Name,
		Executable:       image.Exec[0],
		Arguments:        c.arguments(image, variables),
		Environment:      environmentList(variables),
		WorkingDirectory: "/",
		Mounts:           mounts(c.spec, w.volumeFolder()),
	}
	if c.spec.WorkingDir != "" {
		spec.WorkingDirectory = c.spec.WorkingDir
	}
	secure(&spec, w.pod, c.spec)
	running, err := c.startProcess(spec)
	if err != nil {
		c.failing("RunContainerError", err.Error())
	}
	return running, err
}

func (c *container) startProcess(spec sandbox.Spec) (*process, error) {
	output, err := openLog(c.worker.logPath(c.spec.Name))
	if err != nil {
		return nil, err
	}
	command, err := sandbox.Start(spec, c.worker.networkNamespace(), output)
	if err != nil {
		return nil, errors.Join(err, output.Close())
	}
	c.worker.mutex.Lock()
	c.process, c.sandbox = command.Process.Pid, spec
	c.worker.mutex.Unlock()
	return &process{command, output}, nil
}

// arguments follow the executable. A command of the pod's replaces the image's entry point, whose program is the one
// thing that stays, and args replace the image's command.
func (c *container) arguments(image Image, variables map[string]string) []string {
	arguments := image.Exec[1:]
	if len(c.spec.Command) > 0 {
		arguments = expandAll(c.spec.Command[1:], variables)
	}
	return append(arguments[:len(arguments):len(arguments)], expandAll(c.spec.Args, variables)...)
}

// wait follows the process to its end, which comes with the pod's, and gives its exit code.
func (c *container) wait(running *process) int {
	command := running.command
	probing, stopProbing := context.WithCancel(c.worker.stopping)
	c.update(func(status *corev1.ContainerStatus) {
		started := true
		status.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}}
		started = c.spec.StartupProbe == nil
		status.Started = &started
		status.Ready = started && c.spec.ReadinessProbe == nil
		status.ImageID = "process://" + c.spec.Image
		status.ContainerID = "process://" + string(c.worker.pod.UID) + "-" + c.spec.Name
	})
	go c.probe(probing, func() { _ = command.Process.Signal(syscall.SIGTERM) })
	ended := make(chan struct{})
	go c.signal(command, ended)
	_ = command.Wait()
	_ = running.log.Close()
	close(ended)
	stopProbing()
	code := command.ProcessState.ExitCode()
	c.terminated(command.ProcessState.String(), code)
	return code
}

// signal ends the process when the pod ends.
func (c *container) signal(command *exec.Cmd, ended <-chan struct{}) {
	select {
	case <-ended:
		return
	case <-c.worker.stopping.Done():
		c.beforeStop(ended)
		_ = command.Process.Signal(syscall.SIGTERM)
	}
	select {
	case <-ended:
	case <-c.worker.killing.Done():
		_ = command.Process.Kill()
	}
}

// beforeStop keeps the container's end waiting as its preStop hook says. Hooks other than sleep do nothing.
func (c *container) beforeStop(ended <-chan struct{}) {
	hooks := c.spec.Lifecycle
	if hooks == nil || hooks.PreStop == nil || hooks.PreStop.Sleep == nil {
		return
	}
	select {
	case <-ended:
	case <-c.worker.killing.Done():
	case <-time.After(time.Duration(hooks.PreStop.Sleep.Seconds) * time.Second):
	}
}

func (c *container) terminated(message string, code int) {
	c.update(func(status *corev1.ContainerStatus) {
		terminated := &corev1.ContainerStateTerminated{ExitCode: int32(max(code, 0)), Reason: "Completed", FinishedAt: metav1.Now()}
		if status.State.Running != nil {
			terminated.StartedAt = status.State.Running.StartedAt
		}
		if code != 0 {
			terminated.Reason, terminated.Message = "Error", message
		}
		if code < 0 {
			terminated.ExitCode = 137 // by a signal
		}
		started := false
		status.State = corev1.ContainerState{Terminated: terminated}
		status.Ready, status.Started = false, &started
	})
}

// waiting sets the state of a container that does not run.
func (c *container) waiting(reason, message string) {
	c.update(func(status *corev1.ContainerStatus) {
		if status.State.Terminated != nil {
			status.LastTerminationState = status.State
		}
		status.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
		status.Ready = false
	})
}

// failing is waiting for what someone else has to mend, which an event tells too: kubectl describe shows no messages.
func (c *container) failing(reason, message string) {
	c.worker.mutex.Lock()
	waiting := c.status.State.Waiting
	known := waiting != nil && waiting.Reason == reason && waiting.Message == message
	c.worker.mutex.Unlock()
	if !known {
		c.worker.kubelet.events.Event(c.worker.pod, corev1.EventTypeWarning, reason, message)
	}
	c.waiting(reason, message)
}

func (c *container) update(change func(*corev1.ContainerStatus)) {
	c.worker.mutex.Lock()
	change(&c.status)
	c.worker.mutex.Unlock()
	c.worker.notify()
}
