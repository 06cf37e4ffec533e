package kubelet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// project writes one source of a projected volume: what the service account's admission gives every pod, and the like.
// A token is not renewed; it lives for as long as the API server allows.
func (k *Kubelet) project(ctx context.Context, pod *corev1.Pod, source corev1.VolumeProjection, folder string) error {
	switch {
	case source.ServiceAccountToken != nil:
		token, err := k.token(ctx, pod, source.ServiceAccountToken)
		if err != nil {
			return err
		}
		return writeItems(folder, map[string][]byte{source.ServiceAccountToken.Path: []byte(token)}, nil, nil, nil)
	case source.ConfigMap != nil:
		data, err := k.configMapData(ctx, pod.Namespace, source.ConfigMap.Name, source.ConfigMap.Optional)
		if err != nil {
			return err
		}
		return writeItems(folder, data, source.ConfigMap.Items, nil, source.ConfigMap.Optional)
	case source.Secret != nil:
		data, err := k.secretData(ctx, pod.Namespace, source.Secret.Name, source.Secret.Optional)
		if err != nil {
			return err
		}
		return writeItems(folder, data, source.Secret.Items, nil, source.Secret.Optional)
	case source.DownwardAPI != nil:
		data := map[string][]byte{}
		for _, item := range source.DownwardAPI.Items {
			if item.FieldRef == nil {
				return fmt.Errorf("only fieldRef is supported of the downward API")
			}
			value, err := field(pod, item.FieldRef.FieldPath)
			if err != nil {
				return err
			}
			data[item.Path] = []byte(value)
		}
		return writeItems(folder, data, nil, nil, nil)
	default:
		return fmt.Errorf("this kind of projected source is not supported")
	}
}

func (k *Kubelet) token(ctx context.Context, pod *corev1.Pod, wanted *corev1.ServiceAccountTokenProjection) (string, error) {
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		ExpirationSeconds: wanted.ExpirationSeconds,
		BoundObjectRef:    &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID},
	}}
	if wanted.Audience != "" {
		request.Spec.Audiences = []string{wanted.Audience}
	}
	accounts := k.client.CoreV1().ServiceAccounts(pod.Namespace)
	answer, err := accounts.CreateToken(ctx, pod.Spec.ServiceAccountName, request, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("the token of the service account %s: %w", pod.Spec.ServiceAccountName, err)
	}
	return answer.Status.Token, nil
}

// makeFolder makes a folder with these permissions, whatever the umask: containers need not be root.
func makeFolder(path string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Clean(path), mode); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}
