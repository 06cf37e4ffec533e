package kubelet

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"

	"k8s.io/cri-streaming/pkg/streaming/portforward"

	"flow-proxy/processcluster/internal/network"
)

// servePortForward connects `kubectl port-forward` with a pod's own loopback.
func (k *Kubelet) servePortForward(response http.ResponseWriter, request *http.Request) {
	options, err := portforward.NewV4Options(request)
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	w := k.find(request.PathValue("namespace"), request.PathValue("pod"))
	if w == nil {
		http.Error(response, "the pod is not known here", http.StatusNotFound)
		return
	}
	portforward.ServePortForward(response, request, w, "", "", options, streamIdleLimit, streamOpenLimit, portforward.SupportedProtocols)
}

// PortForward copies bytes both ways until the pod's side ends.
func (w *worker) PortForward(ctx context.Context, _, _ string, port int32, client io.ReadWriteCloser) error {
	server, err := w.dial(ctx, port)
	if err != nil {
		return err
	}
	defer server.Close()
	defer client.Close()
	go func() {
		_, _ = io.Copy(server, client)
		_ = server.CloseWrite()
	}()
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(client, server)
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	case <-w.stopping.Done():
	}
	return nil
}

// dial connects to a port from within the pod.
func (w *worker) dial(ctx context.Context, port int32) (*net.TCPConn, error) {
	type result struct {
		connection net.Conn
		err        error
	}
	dialed := make(chan result)
	go func() {
		if name := w.networkNamespace(); name != "" {
			runtime.LockOSThread() // and never unlocked: the thread is in the pod's network
			if err := network.Enter(name); err != nil {
				dialed <- result{nil, err}
				return
			}
		}
		// An address alone is dialed by this very thread.
		connection, err := new(net.Dialer).DialContext(ctx, "tcp4", fmt.Sprintf("127.0.0.1:%d", port))
		dialed <- result{connection, err}
	}()
	got := <-dialed
	if got.err != nil {
		return nil, got.err
	}
	return got.connection.(*net.TCPConn), nil
}
