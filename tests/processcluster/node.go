package main

import (
	"context"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"flow-proxy/processcluster/internal/kubelet"
)

// runKubelet runs the pods until this process is killed.
func runKubelet(options options) error {
	images, err := kubelet.LoadImages(options.images)
	if err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", options.path("kubeconfig"))
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 200, 400
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	return kubelet.New(client, images, options.path("pods"), options.port).Run(context.Background())
}
