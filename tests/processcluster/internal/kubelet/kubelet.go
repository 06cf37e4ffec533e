// Package kubelet is a node agent that runs containers as local processes.
//
// It is scheduler and kubelet in one: it registers one Node, binds every pod to it, and does for a pod what tests of
// ingress controllers need. It does not follow changes of a pod's spec or volumes, and has no resource limits.
package kubelet

import (
	"context"
	"fmt"
	"log"
	"path/filepath"
	"strconv"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"

	"flow-proxy/processcluster/internal/network"
)

// Kubelet runs the cluster's pods.
type Kubelet struct {
	client  kubernetes.Interface
	images  *ImageMap
	dir     string
	apiPort string
	bridge  *network.Bridge
	events  record.EventRecorder

	mutex   sync.Mutex
	workers map[types.UID]*worker
}

// New makes a kubelet that keeps the pods' files below dir and tells them the API server's port.
func New(client kubernetes.Interface, images *ImageMap, dir string, apiPort int) *Kubelet {
	broadcaster := record.NewBroadcaster()
	broadcaster.StartRecordingToSink(&typedv1.EventSinkImpl{Interface: client.CoreV1().Events("")})
	return &Kubelet{
		events:  broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "kubelet", Host: NodeName}),
		client:  client,
		images:  images,
		dir:     dir,
		apiPort: strconv.Itoa(apiPort),
		bridge:  network.NewBridge(),
		workers: map[types.UID]*worker{},
	}
}

// Run serves pods until the context ends or something that it needs fails.
func (k *Kubelet) Run(ctx context.Context) error {
	factory := informers.NewSharedInformerFactory(k.client, 0)
	informer := factory.Core().V1().Pods().Informer()
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { k.observe(ctx, object.(*corev1.Pod)) },
		UpdateFunc: func(_, object any) { k.observe(ctx, object.(*corev1.Pod)) },
		DeleteFunc: func(object any) {
			if unknown, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = unknown.Obj
			}
			k.removed(object.(*corev1.Pod))
		},
	})
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- k.serveStreams() }()
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return fmt.Errorf("the pods could not be listed: %w", ctx.Err())
	}
	if err := k.register(ctx); err != nil {
		return err
	}
	select {
	case err := <-served:
		return fmt.Errorf("serve the containers' streams: %w", err)
	case <-ctx.Done():
		return nil
	}
}

// observe acts on a pod as it is now.
func (k *Kubelet) observe(ctx context.Context, pod *corev1.Pod) {
	if pod.Spec.NodeName == "" {
		if pod.DeletionTimestamp == nil && len(pod.Spec.SchedulingGates) == 0 {
			go k.bind(ctx, pod)
		}
		return
	}
	if pod.Spec.NodeName != NodeName {
		return
	}
	k.mutex.Lock()
	defer k.mutex.Unlock()
	known := k.workers[pod.UID]
	switch {
	case known == nil && (pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed):
	case known == nil:
		created := newWorker(k, pod)
		k.workers[pod.UID] = created
		if pod.DeletionTimestamp != nil {
			created.stop(pod)
		}
		go func() {
			created.run()
			k.mutex.Lock()
			defer k.mutex.Unlock()
			delete(k.workers, pod.UID)
		}()
	case pod.DeletionTimestamp != nil:
		known.stop(pod)
	}
}

// removed acts on a pod that is gone from the API, which leaves no time for a graceful end.
func (k *Kubelet) removed(pod *corev1.Pod) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if known := k.workers[pod.UID]; known != nil {
		known.kill()
	}
}

// bind is the scheduler: there is one node, and every pod fits.
func (k *Kubelet) bind(ctx context.Context, pod *corev1.Pod) {
	err := k.client.CoreV1().Pods(pod.Namespace).Bind(ctx, &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace, UID: pod.UID},
		Target:     corev1.ObjectReference{Kind: "Node", Name: NodeName},
	}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
		log.Printf("bind %s/%s: %v", pod.Namespace, pod.Name, err)
	}
}

// folder keeps a pod's files.
func (k *Kubelet) folder(pod *corev1.Pod) string {
	return filepath.Join(k.dir, string(pod.UID))
}
