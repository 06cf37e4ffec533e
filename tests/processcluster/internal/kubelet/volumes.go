package kubelet

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"flow-proxy/processcluster/internal/sandbox"
)

// makeVolumes writes a pod's volumes below a folder, each under its name. They are not updated afterwards.
func (k *Kubelet) makeVolumes(ctx context.Context, pod *corev1.Pod, folder string) error {
	for _, volume := range pod.Spec.Volumes {
		if err := k.makeVolume(ctx, pod, volume, filepath.Join(folder, volume.Name)); err != nil {
			return fmt.Errorf("the volume %q: %w", volume.Name, err)
		}
	}
	return nil
}

func (k *Kubelet) makeVolume(ctx context.Context, pod *corev1.Pod, volume corev1.Volume, folder string) error {
	switch {
	case volume.EmptyDir != nil:
		return makeFolder(folder, 0o777)
	case volume.Projected != nil:
		for _, source := range volume.Projected.Sources {
			if err := k.project(ctx, pod, source, folder); err != nil {
				return err
			}
		}
		return nil
	case volume.Secret != nil:
		source := volume.Secret
		data, err := k.secretData(ctx, pod.Namespace, source.SecretName, source.Optional)
		if err != nil {
			return err
		}
		return writeItems(folder, data, source.Items, source.DefaultMode, source.Optional)
	case volume.ConfigMap != nil:
		source := volume.ConfigMap
		data, err := k.configMapData(ctx, pod.Namespace, source.Name, source.Optional)
		if err != nil {
			return err
		}
		return writeItems(folder, data, source.Items, source.DefaultMode, source.Optional)
	default:
		return fmt.Errorf("only emptyDir, secret, configMap and projected are supported")
	}
}

// writeItems writes the named items of data, or all of it when none are named.
func writeItems(folder string, data map[string][]byte, items []corev1.KeyToPath, mode *int32, optional *bool) error {
	if len(items) == 0 {
		for key := range data {
			items = append(items, corev1.KeyToPath{Key: key, Path: key})
		}
	}
	if err := makeFolder(folder, 0o755); err != nil {
		return err
	}
	for _, item := range items {
		content, found, err := key(data, item.Key, optional, nil)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		path := filepath.Join(folder, item.Path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		permissions := fs.FileMode(0o644)
		if item.Mode != nil {
			permissions = fs.FileMode(*item.Mode)
		} else if mode != nil {
			permissions = fs.FileMode(*mode)
		}
		if err := os.WriteFile(path, []byte(content), permissions); err != nil {
			return err
		}
	}
	return nil
}

// mounts says where a container sees the pod's volumes.
func mounts(container *corev1.Container, folder string) []sandbox.Mount {
	var mounts []sandbox.Mount
	for _, mount := range container.VolumeMounts {
		mounts = append(mounts, sandbox.Mount{
			Source:   filepath.Join(folder, mount.Name, mount.SubPath),
			Target:   mount.MountPath,
			ReadOnly: mount.ReadOnly,
		})
	}
	return mounts
}

func unlessOptional(err error, optional *bool) error {
	if optional != nil && *optional && apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
