package machine

import (
	"math"
	"testing"
	"testing/fstest"
)

// tree returns a file system of names and contents.
func tree(files map[string]string) fstest.MapFS {
	m := fstest.MapFS{}
	for name, content := range files {
		m[name] = &fstest.MapFile{Data: []byte(content + "\n")}
	}
	return m
}

const (
	mountV2 = "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw"
	mountV1 = "30 23 0:27 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n" +
		"32 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n35 30 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"
	noneV1 = "9223372036854771712" // what version 1 has for no limit
)

// TestLimits: in both versions the smallest limit of a group and the groups above it counts.
func TestLimits(t *testing.T) {
	const none = math.MaxInt64
	for _, c := range []struct {
		name        string
		files       map[string]string
		limit, left int64
		allowed     int
		processors  int
	}{
		{"no Linux", nil, none, none, 8, 8},
		{"version 2, no limit", map[string]string{
			"proc/self/cgroup": "0::/user", "proc/self/mountinfo": mountV2,
			"sys/fs/cgroup/user/memory.max": "max", "sys/fs/cgroup/user/cpu.max": "max 100000",
		}, none, none, 8, 8},
		{"version 2, a container that sees its group as the root", map[string]string{
			"proc/self/cgroup": "0::/", "proc/self/mountinfo": mountV2,
			"sys/fs/cgroup/memory.max": "1000", "sys/fs/cgroup/memory.current": "700", "sys/fs/cgroup/memory.stat": "anon 5\ninactive_file 300\nx 1",
			"sys/fs/cgroup/cpu.max": "200000 100000",
		}, 1000, 600, 64, 2},
		{"version 2, limits above", map[string]string{
			"proc/self/cgroup": "0::/a/b/c", "proc/self/mountinfo": mountV2,
			"sys/fs/cgroup/a/memory.max": "900", "sys/fs/cgroup/a/memory.current": "100", "sys/fs/cgroup/a/cpu.max": "150000 100000",
			"sys/fs/cgroup/a/b/memory.max": "max", "sys/fs/cgroup/a/b/cpu.max": "max 100000",
			"sys/fs/cgroup/a/b/c/memory.max": "1000", "sys/fs/cgroup/a/b/c/memory.current": "950", "sys/fs/cgroup/a/b/c/cpu.max": "800000 100000",
		}, 900, 50, 64, 2},
		{"version 2, a group that is not shown", map[string]string{
			"proc/self/cgroup": "0::/../../pod", "proc/self/mountinfo": mountV2, "sys/fs/cgroup/cpu.max": "50000 100000",
		}, none, none, 4, 1},
		{"fewer by affinity", map[string]string{
			"proc/self/cgroup": "0::/", "proc/self/mountinfo": mountV2, "sys/fs/cgroup/cpu.max": "400000 100000",
		}, none, none, 3, 3},
		{"version 1", map[string]string{
			"proc/self/cgroup": "5:memory:/job\n2:cpu,cpuacct:/job", "proc/self/mountinfo": mountV1,
			"sys/fs/cgroup/memory/memory.limit_in_bytes": noneV1, "sys/fs/cgroup/memory/memory.usage_in_bytes": "123",
			"sys/fs/cgroup/memory/job/memory.limit_in_bytes": "5000", "sys/fs/cgroup/memory/job/memory.usage_in_bytes": "4000",
			"sys/fs/cgroup/memory/job/memory.stat":       "inactive_file 1\ntotal_inactive_file 500",
			"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1", "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
			"sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us": "250000", "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us": "100000",
		}, 5000, 1500, 16, 3},
		{"version 1, a container with its group as the mount's root", map[string]string{
			"proc/self/cgroup":                           "5:memory:/docker/abc",
			"proc/self/mountinfo":                        "35 30 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "4096", "sys/fs/cgroup/memory/memory.usage_in_bytes": "5000",
		}, 4096, 0, 2, 2},
	} {
		files := tree(c.files)
		if limit, left := memoryLimits(files); limit != c.limit || left != c.left {
			t.Errorf("%s: memory %d, left %d, want %d and %d", c.name, limit, left, c.limit, c.left)
		}
		if got := processors(files, c.allowed); got != c.processors {
			t.Errorf("%s: %d processors, want %d", c.name, got, c.processors)
		}
	}
	for _, c := range [][3]int64{{0, none, 0}, {7, none, 7}, {0, 5, 5}, {7, 5, 5}, {7, 9, 7}} {
		if got := atMost(c[0], c[1]); got != c[2] {
			t.Errorf("%d at most %d is %d", c[0], c[1], got)
		}
	}
}
