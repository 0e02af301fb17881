package graph

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	tf "github.com/wamuir/graft/tensorflow"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/graph/tensor"
)

// TestClusterOverlap: members compute at the same time. A variable that one has and another reads arrives there while the first computes.
func TestClusterOverlap(t *testing.T) {
	need.That(t, runtime.GOOS == "linux", "a cluster needs Linux")
	const child = "DTL_TEST_MEMBER"
	member := Member{Listen: netip.MustParseAddr("127.0.0.1"), Threads: 1, Build: "test"}
	if addresses := os.Getenv(child); addresses != "" {
		member.Addresses, member.Index = strings.Split(addresses, ","), 1
		_, err := Join(member)
		expect.NoError(t, err)
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		expect.NoError(t, err)
		member.Addresses = append(member.Addresses, l.Addr().String())
		l.Close()
	}
	worker := exec.Command(os.Args[0], "-test.run=^TestClusterOverlap$")
	worker.Env = append(os.Environ(), child+"="+strings.Join(member.Addresses, ","))
	stop, err := worker.StdinPipe()
	expect.NoError(t, err)
	expect.NoError(t, worker.Start())
	defer worker.Wait()
	defer stop.Close()
	cluster, err := Join(member)
	expect.NoError(t, err)
	expect.NoError(t, cluster.Meet(t.Context(), member))

	places := []Place{"/job:worker/task:0/device:CPU:0", "/job:worker/task:1/device:CPU:0"}
	home := New(RecomputeNone).On(places[0])
	there := home.On(places[1]).In("there")
	vs := NewVariables()
	x := vs.Declare(home, "x", false, 256, 256).Value
	long := x
	for range 200 {
		long = home.In("long").LinearT(long, x)
	}
	short := there.LinearT(x, x)
	s, err := NewSession(home.Graph(), SessionOptions{Threads: 1, Places: places, Cluster: cluster})
	expect.NoError(t, err)
	defer s.Close()
	expect.NoError(t, vs.Assign(s, tensor.Map{"x": tensor.Zeros(256, 256)}))
	fetches := []tf.Output{long.Output, short.Output}
	for range 2 { // the first run of a graph also divides it among the members
		_, err = s.Run(nil, fetches)
		expect.NoError(t, err)
	}
	_, trace, err := s.Trace(nil, fetches)
	expect.NoError(t, err)
	_, end := products(trace, "long/")
	if begin, _ := products(trace, "there/"); begin == 0 || begin > end {
		t.Errorf("member 1 began its product %d µs after member 0 had ended all of its own, want before", begin-end)
	}
}

// products tells when the first matrix product of some nodes began, and when the last ended, in microseconds; 0 if there is none.
func products(trace *pb.RunMetadata, prefix string) (begin, end int64) {
	for _, d := range trace.GetStepStats().GetDevStats() {
		for _, n := range d.GetNodeStats() {
			if !strings.HasPrefix(n.GetNodeName(), prefix) || !strings.Contains(n.GetTimelineLabel(), "MatMul(") {
				continue
			}
			start := n.GetAllStartMicros()
			if begin == 0 || start < begin {
				begin = start
			}
			end = max(end, start+n.GetAllEndRelMicros())
		}
	}
	return begin, end
}

// TestMeetInterrupted: an interruption while a member does not answer is an interruption, and no failure of that member.
func TestMeetInterrupted(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	expect.NoError(t, err)
	c := &Cluster{Addresses: []string{"127.0.0.1:1", l.Addr().String()}}
	l.Close() // nothing listens there
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err = c.Meet(ctx, Member{Addresses: c.Addresses})
	if !errors.Is(err, context.DeadlineExceeded) || errors.As(err, new(*MemberError)) {
		t.Errorf("the error is %v", err)
	}
	expect.Error(t, err, "waiting for worker 1 ("+c.Addresses[1]+")")
}
