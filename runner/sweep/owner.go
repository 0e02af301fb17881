package sweep

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// owner identifies the process that holds a lock.
type owner struct {
	Host    string `json:"host"`
	Process int    `json:"process"`
	Shard   string `json:"shard,omitempty"`

	// Place names the running kernel and its process namespace: where it is equal, process numbers mean the same. Host names
	// would not do, because two containers may share one. Born distinguishes a process from a later one with the same number.
	Place string `json:"place,omitempty"`
	Born  string `json:"born,omitempty"`
}

// self describes this process.
func self(shard string) owner {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	o := owner{Host: host, Process: os.Getpid(), Shard: shard, Born: born(os.Getpid())}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	space, err2 := os.Readlink("/proc/self/ns/pid")
	if err == nil && err2 == nil {
		o.Place = strings.TrimSpace(string(boot)) + " " + space
	}
	return o
}

func (o owner) String() string {
	text := fmt.Sprintf("%s, process %d", o.Host, o.Process)
	if o.Shard != "" {
		text += ", shard " + o.Shard
	}
	return text
}

// gone reports whether the owner's process has certainly ended. It is false for a process that can't be seen from here.
func (o owner) gone() bool {
	me := self("")
	if o.Place == "" || o.Place != me.Place || o.Process <= 0 {
		return false
	}
	if err := syscall.Kill(o.Process, 0); errors.Is(err, syscall.ESRCH) {
		return true
	}
	return o.Born != "" && o.Born != born(o.Process)
}

// born returns when a process started, in clock ticks since boot, or "" if unknown.
func born(process int) string {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(process) + "/stat")
	if err != nil {
		return ""
	}
	// The name in parentheses may contain anything. Field 22 of proc_pid_stat(5) is the 20th after it.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 20 {
		return ""
	}
	return fields[19]
}
