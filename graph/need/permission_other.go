//go:build !linux

package need

import (
	"os"
	"testing"
)

// Permissions skips the test if the permissions of files do not bind this process, as for root. It is true otherwise.
func Permissions(t *testing.T) bool {
	t.Helper()
	That(t, os.Geteuid() != 0, "permissions do not bind root")
	return true
}
