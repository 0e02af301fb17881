package machine

import (
	"io/fs"
	"math"
	"os"
	"path"
	"strconv"
	"strings"
)

// group is a Linux control group, by which containers are limited, in a file system. Versions 1 and 2 may be mounted at once, each with some of the
// resources.
type group struct {
	files fs.FS
	v2    bool
	top   string // the mount point of the hierarchy
	path  string // the folder of the group, top or below it
}

// root is the file system of the machine.
var root = os.DirFS("/")

// groups returns the groups of this process in which a controller, such as memory, may set limits: at most one of each version.
func groups(files fs.FS, controller string) []group {
	own := map[string]string{} // paths by controller, "" for version 2
	for line := range strings.SplitSeq(text(files, "proc/self/cgroup"), "\n") {
		if fields := strings.SplitN(line, ":", 3); len(fields) == 3 {
			for name := range strings.SplitSeq(fields[1], ",") {
				own[name] = fields[2]
			}
		}
	}
	var list []group
	for line := range strings.SplitSeq(text(files, "proc/self/mountinfo"), "\n") {
		before, after, ok := strings.Cut(line, " - ")
		mount, kind := strings.Fields(before), strings.Fields(after)
		if !ok || len(mount) < 5 || len(kind) < 3 {
			continue
		}
		g := group{files: files, v2: kind[0] == "cgroup2", top: strings.TrimPrefix(mount[4], "/")}
		name := controller
		switch {
		case g.v2:
			name = ""
		case kind[0] != "cgroup" || !strings.Contains(","+kind[2]+",", ","+controller+","):
			continue
		}
		where, ok := own[name]
		if !ok {
			continue
		}
		// The mount shows the hierarchy below the group in field 4. A container may see its own group as the root.
		below, inside := strings.CutPrefix(where, strings.TrimSuffix(mount[3], "/"))
		if !inside || strings.Contains(below, "..") {
			below = ""
		}
		g.path = path.Join(g.top, below)
		if _, err := fs.Stat(files, g.path); err != nil {
			g.path = g.top
		}
		list = append(list, g)
	}
	return list
}

// up calls each with the folder of the group and of every group above it, because the limits of all of them count.
func (g group) up(each func(dir string)) {
	for dir := g.path; ; dir = path.Dir(dir) {
		each(dir)
		if dir == g.top || dir == "." {
			return
		}
	}
}

// memoryLimits returns the smallest memory limit and the least memory left below a limit in bytes, or math.MaxInt64 without a limit. Inactive pages
// of files count as left, because the kernel reclaims them at once.
func memoryLimits(files fs.FS) (limit, left int64) {
	limit, left = math.MaxInt64, math.MaxInt64
	for _, g := range groups(files, "memory") {
		limitFile, used, inactive := "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
		if g.v2 {
			limitFile, used, inactive = "memory.max", "memory.current", "inactive_file"
		}
		g.up(func(dir string) {
			bound, ok := number(g.files, path.Join(dir, limitFile))
			if !ok || bound >= 1<<60 { // version 1 writes no limit as a huge number
				return
			}
			limit = min(limit, bound)
			if now, ok := number(g.files, path.Join(dir, used)); ok {
				now -= min(now, stat(g.files, path.Join(dir, "memory.stat"), inactive))
				left = min(left, bound-min(now, bound))
			}
		})
	}
	return limit, left
}

// processorLimit returns how many processors' time the groups allow, or +Inf without a limit.
func processorLimit(files fs.FS) float64 {
	limit := math.Inf(1)
	for _, g := range groups(files, "cpu") {
		g.up(func(dir string) {
			var quota, period string
			if g.v2 {
				quota, period, _ = strings.Cut(text(g.files, path.Join(dir, "cpu.max")), " ")
			} else {
				quota, period = text(g.files, path.Join(dir, "cpu.cfs_quota_us")), text(g.files, path.Join(dir, "cpu.cfs_period_us"))
			}
			q, err := strconv.ParseFloat(quota, 64) // "max" and -1 mean no limit
			p, err2 := strconv.ParseFloat(period, 64)
			if err == nil && err2 == nil && q > 0 && p > 0 {
				limit = min(limit, q/p)
			}
		})
	}
	return limit
}

// text returns the content of a file without surrounding white space, or "" if it can't be read.
func text(files fs.FS, name string) string {
	b, _ := fs.ReadFile(files, name)
	return strings.TrimSpace(string(b))
}

func number(files fs.FS, name string) (int64, bool) {
	n, err := strconv.ParseInt(text(files, name), 10, 64)
	return n, err == nil
}

// stat returns a value of a file of lines "name value", or 0.
func stat(files fs.FS, file, name string) int64 {
	for line := range strings.SplitSeq(text(files, file), "\n") {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			n, _ := strconv.ParseInt(value, 10, 64)
			return n
		}
	}
	return 0
}
