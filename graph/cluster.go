package graph

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	tf "github.com/wamuir/graft/tensorflow"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"dtl-tf/graph/capi"
)

// job is the name of the one job of a cluster. Its tasks are the members.
const job = "worker"

// connectTime bounds the time that a member may take to answer.
const connectTime = 30 * time.Second

// Member is a process of a cluster: processes on one or several machines that compute the graph of the first. TensorFlow's protocol
// between them has no authentication: whoever reaches a member can run code in it.
type Member struct {
	Addresses []string   // HOST:PORT of all members, the same in each; the first one opens the sessions
	Index     int        // of this member
	Listen    netip.Addr // on which this member listens; 0.0.0.0 or :: for all
	Threads   int        // see SessionOptions
	Build     string     // the program's, which must be the same in all members
}

// Cluster is a cluster that this process is a member of.
type Cluster struct {
	Addresses []string
	target    string
}

// Join starts the server of a member, which runs until the process ends.
func Join(m Member) (*Cluster, error) {
	if err := capi.RegisterIdentity(m.identity()); err != nil {
		return nil, err
	}
	if err := capi.RegisterKernels(); err != nil {
		return nil, err
	}
	options := SessionOptions{Threads: m.Threads}
	if _, err := options.tensorFlow(); err != nil { // opens the first session of the process
		return nil, err
	}
	config := options.config()
	// A member answers the others in the threads that start its ops. A single one would send the variables, for which the others wait, after
	// the member's own share of the step.
	config.InterOpParallelismThreads = 2
	tasks := map[int32]string{}
	for i, address := range m.Addresses {
		tasks[int32(i)] = address
	}
	raw, err := proto.Marshal(&pb.ServerDef{
		Cluster: &pb.ClusterDef{Job: []*pb.JobDef{{Name: job, Tasks: tasks}}}, JobName: job, TaskIndex: int32(m.Index), Protocol: "grpc",
		DefaultSessionConfig: config,
	})
	if err != nil {
		return nil, fmt.Errorf("definition of a server: %w", err)
	}
	s, err := capi.NewServer(raw, m.Listen)
	if err != nil {
		return nil, fmt.Errorf("start the server of %s: %w", m.Addresses[m.Index], err)
	}
	return &Cluster{m.Addresses, s.Target}, nil
}

// identity is what all members must have in common.
func (m Member) identity() string { return m.Build + ", libtensorflow " + tf.Version() }

// Meet waits until all members answer, and checks that they are of the build of m, which opens the sessions.
func (c *Cluster) Meet(ctx context.Context, m Member) error {
	for i, address := range c.Addresses {
		if i == m.Index {
			continue
		}
		err := reach(ctx, address)
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("interrupted while waiting for %s %d (%s): %w", job, i, address, ctx.Err())
		case err != nil:
			return &MemberError{i, address, fmt.Errorf("does not answer: %w", err)}
		}
	}
	for i, address := range c.Addresses {
		if i == m.Index {
			continue
		}
		theirs, err := c.identityOf(ctx, i)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && strings.Contains(err.Error(), "unknown device"): // the devices of a member bear its number
			return &MemberError{i, address, errors.New("has another number in its own list of members: give all members the same list")}
		case err != nil:
			return &MemberError{i, address, fmt.Errorf("does not say which program it is: %w", err)}
		case theirs != m.identity():
			return &MemberError{i, address, fmt.Errorf("is %s, and this process is %s: start the same program on both", theirs, m.identity())}
		}
	}
	return nil
}

// reach waits until something listens at an address.
func reach(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// identityOf asks a member. TensorFlow waits for a member without end, hence the time limit.
func (c *Cluster) identityOf(ctx context.Context, index int) (text string, err error) {
	defer Catch(&err)
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	b := New(RecomputeNone).On(Place(fmt.Sprintf("/job:%s/task:%d/device:CPU:0", job, index)))
	output := b.node("DtlIdentity", []int{Unknown}, nil)
	type answer struct {
		text string
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		s, err := NewSession(b.Graph(), SessionOptions{Cluster: c})
		if err != nil {
			answered <- answer{"", err}
			return
		}
		defer s.Close()
		out, err := s.Run(nil, []tf.Output{output.Output})
		if err != nil {
			answered <- answer{"", err}
			return
		}
		said, _ := out[0].Data.([]uint8)
		answered <- answer{string(said), nil}
	}()
	select {
	case a := <-answered:
		return a.text, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// MemberError is a failure of another member of the cluster.
type MemberError struct {
	Index   int
	Address string
	Err     error
}

func (e *MemberError) Error() string {
	return fmt.Sprintf("%s %d (%s) %v", job, e.Index, e.Address, e.Err)
}

// Unwrap returns Err.
func (e *MemberError) Unwrap() error { return e.Err }

var remoteTarget = regexp.MustCompile(`/job:` + job + `/replica:0/task:(\d+)`)

// blame finds the member in TensorFlow's account of a failure, and returns a MemberError or err itself.
func (c *Cluster) blame(err error) error {
	if c == nil || err == nil {
		return err
	}
	text := err.Error()
	found := remoteTarget.FindStringSubmatch(text[max(0, strings.Index(text, "remote target")):])
	if found == nil {
		return err
	}
	i, _ := strconv.Atoi(found[1])
	if i >= len(c.Addresses) {
		return err
	}
	reason := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "From /job:") && !strings.HasPrefix(line, "Additional GRPC") && !strings.HasPrefix(line, ":{") {
			reason = line
			break
		}
	}
	called := strings.Contains(text, "while calling /tensorflow.WorkerService/")
	if called && i == 0 { // the member that opens sessions is this process, so another one looked for it
		return &MemberError{i, c.Addresses[i], fmt.Errorf("can't be reached by another member, which may have another list of members: %w", errors.New(reason))}
	}
	if called {
		return &MemberError{i, c.Addresses[i], fmt.Errorf("has ended or can't be reached: %w", errors.New(reason))}
	}
	return &MemberError{i, c.Addresses[i], fmt.Errorf("failed: %w", errors.New(reason))}
}
