package sandbox

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// restrict does to this process what the container's security context says. The calling thread must be the one that
// executes the program.
func restrict(spec Spec) error {
	if spec.ReadOnlyRoot {
		if err := unix.Mount("", "/", "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			return fmt.Errorf("make the root read-only: %w", err)
		}
	}
	if spec.Unprivileged {
		if err := giveUpPrivileges(); err != nil {
			return err
		}
	}
	if spec.User == 0 && spec.Group == 0 {
		return nil
	}
	if err := syscall.Setgroups([]int{}); err != nil {
		return fmt.Errorf("leave all groups: %w", err)
	}
	if err := syscall.Setgid(spec.Group); err != nil {
		return fmt.Errorf("become the group %d: %w", spec.Group, err)
	}
	if err := syscall.Setuid(spec.User); err != nil {
		return fmt.Errorf("become the user %d: %w", spec.User, err)
	}
	return nil
}

// giveUpPrivileges takes from the calling thread, for what it executes, all capabilities and every way to get some.
func giveUpPrivileges() error {
	for capability := uintptr(0); capability <= unix.CAP_LAST_CAP; capability++ {
		// A kernel that does not know the newest of them says so.
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0); err != nil && err != unix.EINVAL {
			return fmt.Errorf("drop the capability %d: %w", capability, err)
		}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new privileges: %w", err)
	}
	return nil
}
