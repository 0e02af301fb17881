// Package cluster is several processes, on one or several machines, that train together through TensorFlow's distributed runtime: the file
// that lists them, the worker, and what a training run needs of it.
package cluster

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"dtl-tf/graph"
	"dtl-tf/graph/limit"
	"dtl-tf/runner"
	"dtl-tf/runner/internal/build"
)

const (
	maxFile    = 1 << 20 // bytes of a cluster file
	maxMembers = 1024
)

// Read reads a cluster file: HOST:PORT of a member in each line, the training run's first, then those of the workers. Empty lines and
// what follows # are ignored.
func Read(path string) ([]string, error) {
	text, err := limit.ReadFile(path, maxFile)
	if err != nil {
		return nil, fmt.Errorf("--cluster: %w", err)
	}
	var list []string
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if _, _, err := split(line); err != nil {
			return nil, runner.Usagef("%s, line %d: %q is no HOST:PORT: %w", path, number, line, err)
		}
		if slices.Contains(list, line) {
			return nil, runner.Usagef("%s, line %d: %s is there twice", path, number, line)
		}
		list = append(list, line)
	}
	if len(list) < 2 || len(list) > maxMembers {
		return nil, runner.Usagef("%s lists %d members: want the address of the training run and those of 1 to %d workers", path, len(list), maxMembers-1)
	}
	return list, nil
}

func split(address string) (host string, port uint16, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("port %q is not from 1 to 65535", text)
	}
	if host == "" {
		return "", 0, fmt.Errorf("the host is missing")
	}
	return host, uint16(n), nil
}

// member describes this process. listen is the address that it is told to listen on.
func member(ctx context.Context, addresses []string, index int, listen string, threads int, version string) (graph.Member, error) {
	m := graph.Member{Addresses: addresses, Index: index, Threads: threads}
	host, _, err := split(listen)
	if err != nil {
		return m, runner.Usagef("--listen %s: %w", listen, err)
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return m, fmt.Errorf("the address to listen on: %w", err)
	}
	m.Listen = found[0].Unmap()
	for _, a := range found { // TensorFlow's own connections prefer IPv4 too
		if a.Unmap().Is4() {
			m.Listen = a.Unmap()
			break
		}
	}
	m.Build, err = build.Name(version)
	m.Build = "dtl-tf " + m.Build
	return m, err
}

// noteOpen warns of an address that other machines reach.
func noteOpen(listen netip.Addr, address string, note runner.NoteFunc) {
	if !listen.IsLoopback() {
		note("%s listens on %s, and TensorFlow's protocol has no authentication: whoever reaches this port can run code as this user, so use it in a private network only", address, listen)
	}
}

// Lead makes this process the first member of the cluster in a file, waits for the others and checks that they run the same build.
func Lead(ctx context.Context, path string, threads int, version string, note runner.NoteFunc) (*graph.Cluster, error) {
	addresses, err := Read(path)
	if err != nil {
		return nil, err
	}
	m, err := member(ctx, addresses, 0, addresses[0], threads, version)
	if err != nil {
		return nil, err
	}
	noteOpen(m.Listen, addresses[0], note)
	c, err := graph.Join(m)
	if err != nil {
		return nil, err
	}
	return c, c.Meet(ctx, m)
}

// Worker holds the settings of a worker.
type Worker struct {
	Cluster string // the file
	Listen  string // HOST:PORT, a line of the file, or with 0.0.0.0 or :: as host the port of one
	Threads int
}

// DefaultListen is where a worker listens unless told otherwise.
const DefaultListen = "127.0.0.1:2222"

// Run serves until ctx is cancelled.
func (w Worker) Run(ctx context.Context, ui runner.UI) error {
	if w.Cluster == "" {
		return runner.Usagef("--cluster is required: name the file that lists the members")
	}
	if err := runner.Check([]runner.Setting{runner.ThreadsSetting(&w.Threads)}); err != nil {
		return err
	}
	addresses, err := Read(w.Cluster)
	if err != nil {
		return err
	}
	index, err := w.find(addresses)
	if err != nil {
		return err
	}
	m, err := member(ctx, addresses, index, w.Listen, w.Threads, ui.Version)
	if err != nil {
		return err
	}
	noteOpen(m.Listen, w.Listen, ui.Note)
	if _, err := graph.Join(m); err != nil {
		return err
	}
	ui.Note("worker %d of %d listens on %s; Ctrl-C stops it", index, len(addresses)-1, w.Listen)
	<-ctx.Done()
	return nil
}

// find returns the member that listens where the worker does.
func (w Worker) find(addresses []string) (int, error) {
	host, port, err := split(w.Listen)
	if err != nil {
		return 0, runner.Usagef("--listen %s: %w", w.Listen, err)
	}
	index := slices.Index(addresses, w.Listen)
	if any, err := netip.ParseAddr(host); err == nil && any.IsUnspecified() {
		samePort := func(address string) bool {
			_, p, _ := split(address)
			return p == port
		}
		index = slices.IndexFunc(addresses, samePort)
		if index >= 0 && slices.ContainsFunc(addresses[index+1:], samePort) {
			return 0, runner.Usagef("--listen %s: several lines of %s have this port; give the address that this worker has there", w.Listen, w.Cluster)
		}
	}
	switch {
	case index < 0:
		return 0, runner.Usagef("--listen %s is not in %s: give the address that this worker has there", w.Listen, w.Cluster)
	case index == 0:
		return 0, runner.Usagef("--listen %s is the first line of %s, which is the training run's (fine-tune --cluster)", w.Listen, w.Cluster)
	}
	return index, nil
}
