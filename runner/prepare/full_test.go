package prepare

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/need"
)

// smallDisk names the folder on a small file system, in the process that TestUnpackFullDisk starts.
const smallDisk = "DTL_TEST_SMALL_DISK"

// TestUnpackFullDisk unpacks PatchCamelyon's images onto a file system that is too small for them, which needs a namespace to mount
// it in.
func TestUnpackFullDisk(t *testing.T) {
	if disk := os.Getenv(smallDisk); disk != "" {
		rows := originals(t, "patch_camelyon")
		c := small(t, filepath.Join("testdata", "patch_camelyon"), "patch_camelyon", rows)
		c.Out = filepath.Join(disk, "patch_camelyon")
		refused(t, c, "test_x.h5.gz", "no space left on device", "unpacking takes up to", "in "+disk)
		return
	}
	out, err := exec.Command("unshare", "-Urm", "true").CombinedOutput()
	need.That(t, err == nil, fmt.Sprintf("no namespace to mount a file system in: %v %s", err, out))
	disk := t.TempDir()
	script := `mount -t tmpfs -o size=64k none "$1" && exec "$2" -test.v -test.run '^TestUnpackFullDisk$'`
	c := exec.Command("unshare", "-Urm", "sh", "-c", script, "sh", disk, os.Args[0])
	c.Env = append(os.Environ(), smallDisk+"="+disk)
	out, err = c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestUnpackFullDisk") {
		t.Errorf("%v\n%s", err, out)
	}
}
