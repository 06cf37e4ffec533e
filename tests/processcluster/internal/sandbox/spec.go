// Package sandbox starts a container's executable in namespaces of its own, on a file system made for it.
//
// The file system shows the machine's programs and libraries read-only, the executable, and the container's volumes at
// their mount paths. It isolates what tests need isolated (paths, processes, network), and is no security boundary.
package sandbox

// Role is the first argument with which this program becomes a container's process.
const Role = "container"

// Spec is what a container's process needs to know.
type Spec struct {
	// Root is an empty folder, over which the container's file system is mounted.
	Root string `json:"root"`
	// Hostname is the pod's name.
	Hostname string `json:"hostname"`
	// Executable is the machine's path of the program to run.
	Executable string `json:"executable"`
	// Arguments follow the program's name.
	Arguments []string `json:"arguments"`
	// Environment holds NAME=VALUE.
	Environment []string `json:"environment"`
	// WorkingDirectory is a path inside of the container.
	WorkingDirectory string `json:"workingDirectory"`
	// User and Group are whom the program runs as.
	User  int `json:"user"`
	Group int `json:"group"`
	// Unprivileged takes away all capabilities, and every way to get some.
	Unprivileged bool `json:"unprivileged"`
	// ReadOnlyRoot leaves only the volumes to write to.
	ReadOnlyRoot bool `json:"readOnlyRoot"`
	// Mounts are the container's volumes.
	Mounts []Mount `json:"mounts"`
}

// Mount shows a file or folder of the machine inside of the container.
type Mount struct {
	Source   string `json:"source"`
	Target   string `json:"target"`
	ReadOnly bool   `json:"readOnly"`
}
