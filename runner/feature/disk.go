package feature

import (
	"fmt"
	"math"

	"golang.org/x/sys/unix"

	"dtl-tf/runner/report"
)

// disk is the size of a file system in bytes.
type disk struct{ free, total int64 }

// diskOf returns the size of the file system that holds a folder.
func diskOf(folder string) (disk, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return disk{}, err
	}
	unit := int64(s.Bsize)
	return disk{free: clamp(s.Bavail, unit), total: clamp(s.Blocks, unit)}, nil
}

// clamp multiplies blocks by their size. Network file systems without a limit report the largest number.
func clamp(blocks uint64, unit int64) int64 {
	if unit <= 0 || blocks > uint64(math.MaxInt64/unit) {
		return math.MaxInt64
	}
	return int64(blocks) * unit
}

// reserve is the space to leave free for others: 5 % of the disk, at most 10 GB.
func (d disk) reserve() int64 { return min(d.total/20, 10e9) }

// spaceError says that a disk is too full for a cache.
type spaceError struct {
	folder                string
	needed, free, reserve int64 // bytes
}

func (e *spaceError) Error() string {
	return fmt.Sprintf("%s needed in %s, which has %s free, %s of it reserved: free some space, choose another --feature-cache folder, or store half as much with --cache-precision bf16",
		report.Bytes(e.needed), e.folder, report.Bytes(e.free), report.Bytes(e.reserve))
}
