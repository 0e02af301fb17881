//go:build !linux

package need

import (
	"os"
	"testing"
)

// Permissions skips the test if file permissions do not apply to this process, as for root. Otherwise it returns true.
func Permissions(t *testing.T) bool {
	t.Helper()
	That(t, os.Geteuid() != 0, "file permissions do not apply to root")
	return true
}
