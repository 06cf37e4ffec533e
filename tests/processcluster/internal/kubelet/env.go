package kubelet

import (
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/pkg/fieldpath"
	"k8s.io/kubernetes/third_party/forked/golang/expansion"

	"flow-proxy/processcluster/internal/network"
)

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// environment resolves a container's variables. The pod's status must have its addresses.
func (k *Kubelet) environment(ctx context.Context, pod *corev1.Pod, container *corev1.Container, image Image) (map[string]string, error) {
	resolved := map[string]string{
		"PATH": defaultPath, "HOSTNAME": pod.Name, "HOME": "/",
		"KUBERNETES_SERVICE_HOST": network.NodeIP, "KUBERNETES_SERVICE_PORT": k.apiPort,
	}
	maps.Copy(resolved, image.Env)
	for _, source := range container.EnvFrom {
		if err := k.environmentFrom(ctx, pod, source, resolved); err != nil {
			return nil, err
		}
	}
	for _, variable := range container.Env {
		value, found, err := k.variable(ctx, pod, variable, resolved)
		if err != nil {
			return nil, fmt.Errorf("the variable %s: %w", variable.Name, err)
		}
		if found {
			resolved[variable.Name] = value
		}
	}
	return resolved, nil
}

func (k *Kubelet) environmentFrom(ctx context.Context, pod *corev1.Pod, source corev1.EnvFromSource, resolved map[string]string) error {
	var data map[string][]byte
	var err error
	switch {
	case source.ConfigMapRef != nil:
		data, err = k.configMapData(ctx, pod.Namespace, source.ConfigMapRef.Name, source.ConfigMapRef.Optional)
	case source.SecretRef != nil:
		data, err = k.secretData(ctx, pod.Namespace, source.SecretRef.Name, source.SecretRef.Optional)
	}
	for key, value := range data {
		resolved[source.Prefix+key] = string(value)
	}
	return err
}

// variable gives one variable's value; found is false for a reference that may be missing and is.
func (k *Kubelet) variable(ctx context.Context, pod *corev1.Pod, variable corev1.EnvVar, resolved map[string]string) (value string, found bool, err error) {
	source := variable.ValueFrom
	switch {
	case source == nil:
		return expand(variable.Value, resolved), true, nil
	case source.FieldRef != nil:
		value, err = field(pod, source.FieldRef.FieldPath)
		return value, true, err
	case source.SecretKeyRef != nil:
		reference := source.SecretKeyRef
		data, err := k.secretData(ctx, pod.Namespace, reference.Name, reference.Optional)
		return key(data, reference.Key, reference.Optional, err)
	case source.ConfigMapKeyRef != nil:
		reference := source.ConfigMapKeyRef
		data, err := k.configMapData(ctx, pod.Namespace, reference.Name, reference.Optional)
		return key(data, reference.Key, reference.Optional, err)
	default:
		return "", false, fmt.Errorf("this kind of source is not supported")
	}
}

func key(data map[string][]byte, name string, optional *bool, err error) (string, bool, error) {
	if err != nil {
		return "", false, err
	}
	value, found := data[name]
	if !found && (optional == nil || !*optional) {
		return "", false, fmt.Errorf("there is no key %q", name)
	}
	return string(value), found, nil
}

// field gives a field of the pod by its path in the API.
func field(pod *corev1.Pod, path string) (string, error) {
	switch path {
	case "spec.nodeName":
		return pod.Spec.NodeName, nil
	case "spec.serviceAccountName":
		return pod.Spec.ServiceAccountName, nil
	case "status.hostIP", "status.hostIPs":
		return pod.Status.HostIP, nil
	case "status.podIP", "status.podIPs":
		return pod.Status.PodIP, nil
	default:
		return fieldpath.ExtractFieldPathAsString(pod, path)
	}
}

// expand replaces $(NAME) as the API says.
func expand(text string, variables map[string]string) string {
	return expansion.Expand(text, expansion.MappingFuncFor(variables))
}

func expandAll(texts []string, variables map[string]string) []string {
	var expanded []string
	for _, text := range texts {
		expanded = append(expanded, expand(text, variables))
	}
	return expanded
}

func environmentList(variables map[string]string) []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		list = append(list, name+"="+variables[name])
	}
	return list
}

func (k *Kubelet) secretData(ctx context.Context, namespace, name string, optional *bool) (map[string][]byte, error) {
	secret, err := k.client.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, unlessOptional(err, optional)
	}
	return secret.Data, nil
}

func (k *Kubelet) configMapData(ctx context.Context, namespace, name string, optional *bool) (map[string][]byte, error) {
	configMap, err := k.client.CoreV1().ConfigMaps(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, unlessOptional(err, optional)
	}
	data := map[string][]byte{}
	for key, value := range configMap.Data {
		data[key] = []byte(value)
	}
	maps.Copy(data, configMap.BinaryData)
	return data, nil
}
