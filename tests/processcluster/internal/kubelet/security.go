package kubelet

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"flow-proxy/processcluster/internal/sandbox"
)

// secure translates the security contexts of a pod and of its container. Without a word about the user it is root, for
// there is no image that could name another.
func secure(spec *sandbox.Spec, pod *corev1.Pod, container *corev1.Container) {
	outer, inner := ptr.Deref(pod.Spec.SecurityContext, corev1.PodSecurityContext{}), ptr.Deref(container.SecurityContext, corev1.SecurityContext{})
	first := func(values ...*int64) int {
		for _, value := range values {
			if value != nil {
				return int(*value)
			}
		}
		return 0
	}
	spec.User = first(inner.RunAsUser, outer.RunAsUser)
	spec.Group = first(inner.RunAsGroup, outer.RunAsGroup)
	spec.ReadOnlyRoot = ptr.Deref(inner.ReadOnlyRootFilesystem, false)
	if capabilities := inner.Capabilities; capabilities != nil {
		spec.Unprivileged = slices.Contains(capabilities.Drop, "ALL") && len(capabilities.Add) == 0
	}
}
