package kubelet

import (
	"context"
	"log"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"flow-proxy/processcluster/internal/network"
)

// retryInterval is how long a pod waits for what it lacks, such as a Secret that does not exist yet.
const retryInterval = 500 * time.Millisecond

// worker takes one pod from its start to its removal.
type worker struct {
	kubelet *Kubelet
	folder  string

	// stopping ends when the pod is to end, killing when its processes had their time to end by themselves.
	stopping, killing         context.Context
	startStopping, startKills context.CancelFunc

	changed chan struct{} // has a value when the status is to be written

	mutex          sync.Mutex
	pod            *corev1.Pod // with the addresses in its status once there are any
	initialized    bool
	initContainers []*container
	containers     []*container
}

func newWorker(kubelet *Kubelet, pod *corev1.Pod) *worker {
	w := &worker{kubelet: kubelet, folder: kubelet.folder(pod), pod: pod.DeepCopy(), changed: make(chan struct{}, 1)}
	w.stopping, w.startStopping = context.WithCancel(context.Background())
	w.killing, w.startKills = context.WithCancel(context.Background())
	for i := range w.pod.Spec.InitContainers {
		w.initContainers = append(w.initContainers, newContainer(w, &w.pod.Spec.InitContainers[i]))
	}
	for i := range w.pod.Spec.Containers {
		w.containers = append(w.containers, newContainer(w, &w.pod.Spec.Containers[i]))
	}
	return w
}

// stop ends the pod within its grace period; a later call may shorten it.
func (w *worker) stop(pod *corev1.Pod) {
	w.startStopping()
	grace := time.Duration(ptr.Deref(pod.DeletionGracePeriodSeconds, 0)) * time.Second
	time.AfterFunc(grace, w.startKills)
}

// kill ends the pod at once.
func (w *worker) kill() {
	w.startStopping()
	w.startKills()
}

func (w *worker) run() {
	statusDone := make(chan struct{})
	statusContext, endStatus := context.WithCancel(context.Background())
	go func() {
		defer close(statusDone)
		w.reportStatus(statusContext)
	}()
	w.notify()
	if w.prepare() {
		w.runContainers()
	}
	<-w.stopping.Done()
	endStatus()
	<-statusDone
	w.remove()
}

// prepare makes the network and the volumes; it reports false when the pod is to end before they are there.
func (w *worker) prepare() bool {
	for {
		err := w.tryPrepare()
		if err == nil {
			return true
		}
		w.failingForAll("ContainerCreating", err.Error())
		if !w.sleep(retryInterval) {
			return false
		}
	}
}

func (w *worker) tryPrepare() error {
	if err := os.MkdirAll(w.folder, 0o755); err != nil {
		return err
	}
	if w.pod.Status.PodIP == "" {
		address := network.NodeIP
		if !w.pod.Spec.HostNetwork {
			allocated, err := w.kubelet.bridge.AddPod(w.networkNamespace())
			if err != nil {
				return err
			}
			address = allocated.String()
			if security := w.pod.Spec.SecurityContext; security != nil {
				for _, sysctl := range security.Sysctls {
					if err := network.Sysctl(w.networkNamespace(), sysctl.Name, sysctl.Value); err != nil {
						return err
					}
				}
			}
		}
		w.mutex.Lock()
		w.pod.Status.HostIP, w.pod.Status.PodIP = network.NodeIP, address
		w.mutex.Unlock()
	}
	return w.kubelet.makeVolumes(w.stopping, w.pod, w.volumeFolder())
}

// runContainers runs the init containers one by one and then the others, until all of them are done.
func (w *worker) runContainers() {
	for _, container := range w.initContainers {
		if !container.runInit() {
			return
		}
	}
	w.mutex.Lock()
	w.initialized = true
	w.mutex.Unlock()
	var group sync.WaitGroup
	for _, container := range w.containers {
		group.Go(container.run)
	}
	group.Wait()
}

// remove frees what the pod used, and tells the API server that it is gone.
func (w *worker) remove() {
	if w.pod.Status.PodIP != "" && !w.pod.Spec.HostNetwork {
		address := netip.MustParseAddr(w.pod.Status.PodIP)
		if err := w.kubelet.bridge.RemovePod(w.networkNamespace(), address); err != nil {
			log.Printf("%s/%s: %v", w.pod.Namespace, w.pod.Name, err)
		}
	}
	if err := os.RemoveAll(w.folder); err != nil {
		log.Printf("%s/%s: %v", w.pod.Namespace, w.pod.Name, err)
	}
	err := w.kubelet.client.CoreV1().Pods(w.pod.Namespace).Delete(context.Background(), w.pod.Name, metav1.DeleteOptions{
		GracePeriodSeconds: ptr.To[int64](0),
		Preconditions:      metav1.NewUIDPreconditions(string(w.pod.UID)),
	})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		log.Printf("delete %s/%s: %v", w.pod.Namespace, w.pod.Name, err)
	}
}

// notify asks for the status to be written.
func (w *worker) notify() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// sleep reports false when the pod is to end.
func (w *worker) sleep(duration time.Duration) bool {
	select {
	case <-w.stopping.Done():
		return false
	case <-time.After(duration):
		return true
	}
}

func (w *worker) failingForAll(reason, message string) {
	for _, containers := range [][]*container{w.initContainers, w.containers} {
		for _, container := range containers {
			container.failing(reason, message)
		}
	}
}

// networkNamespace is the name of the pod's network namespace, or empty for the node's own.
func (w *worker) networkNamespace() string {
	if w.pod.Spec.HostNetwork {
		return ""
	}
	return "pod-" + string(w.pod.UID)
}

func (w *worker) volumeFolder() string {
	return filepath.Join(w.folder, "volumes")
}
