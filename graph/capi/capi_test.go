package capi

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"dtl-tf/graph/tensor"
)

// adder is a session that computes x + x for float32 x and the length of a string.
func adder(t *testing.T) (s *Session, x, sum, text, length tf.Output) {
	t.Helper()
	g := tf.NewGraph()
	add := func(spec tf.OpSpec) tf.Output {
		op, err := g.AddOperation(spec)
		if err != nil {
			t.Fatal(err)
		}
		return op.Output(0)
	}
	x = add(tf.OpSpec{Type: "Placeholder", Name: "x", Attrs: map[string]any{"dtype": tf.Float}})
	sum = add(tf.OpSpec{Type: "AddV2", Name: "sum", Input: []tf.Input{x, x}})
	text = add(tf.OpSpec{Type: "Placeholder", Name: "text", Attrs: map[string]any{"dtype": tf.String}})
	length = add(tf.OpSpec{Type: "StringLength", Name: "length", Input: []tf.Input{text}})
	s, err := NewSession(g, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, x, sum, text, length
}

func TestRun(t *testing.T) {
	s, x, sum, text, length := adder(t)
	in := tensor.Must([]float32{1, -2, 3.5}, 3, 1)
	long := strings.Repeat("é", 1000) // too long to be stored inline
	out, err := s.Run([]Feed{{x, in}, {text, tensor.Scalar(long)}}, []tf.Output{sum, length}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := tensor.Must([]float32{2, -4, 7}, 3, 1); !reflect.DeepEqual(out[0], want) {
		t.Errorf("sum %v, want %v", out[0], want)
	}
	if want := []int32{2000}; !reflect.DeepEqual(out[1].Data, want) {
		t.Errorf("length %v, want %v", out[1].Data, want)
	}
}

func TestRunErrors(t *testing.T) {
	s, x, sum, _, _ := adder(t)
	for _, c := range []struct {
		what  string
		feeds []Feed
		want  string
	}{
		{"a placeholder without value", nil, "x"},
		{"a wrong type", []Feed{{x, tensor.Scalar(int32(1))}}, "float"},
		{"too little data", []Feed{{x, tensor.Tensor{Shape: []int{2}, Data: []float32{1}}}}, "feed x: shape [2] holds 2 elements, data has 1"},
		{"a type that can't be fed", []Feed{{x, tensor.Tensor{Data: []complex64{1}}}}, "[]complex64 can't be fed"},
	} {
		if _, err := s.Run(c.feeds, []tf.Output{sum}, nil, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.what, err, c.want)
		}
	}
}

func TestAfterClose(t *testing.T) {
	s, x, sum, _, _ := adder(t)
	if devices, err := s.Devices(); err != nil || len(devices) == 0 {
		t.Errorf("devices %v, error %v", devices, err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
		if _, err := s.Run([]Feed{{x, tensor.Scalar(float32(1))}}, []tf.Output{sum}, nil, nil); !errors.Is(err, ErrClosed) {
			t.Errorf("a closed session ran: error %v", err)
		}
		if _, err := s.Devices(); !errors.Is(err, ErrClosed) {
			t.Errorf("a closed session has devices: error %v", err)
		}
	}
}

// TestCloseWhileRunning checks that a run returns either the right result or ErrClosed while others close the session.
func TestCloseWhileRunning(t *testing.T) {
	for range 20 {
		s, x, sum, _, _ := adder(t)
		ran := make(chan struct{}, 64)
		var group errgroup.Group
		for range 8 {
			group.Go(func() error {
				for {
					out, err := s.Run([]Feed{{x, tensor.Scalar(float32(1.5))}}, []tf.Output{sum}, nil, nil)
					if errors.Is(err, ErrClosed) {
						return nil
					}
					if err != nil || out[0].Float32()[0] != 3 {
						return fmt.Errorf("%v, error %w", out, err)
					}
					select {
					case ran <- struct{}{}:
					default:
					}
				}
			})
			group.Go(func() error {
				for {
					if _, err := s.Devices(); errors.Is(err, ErrClosed) {
						return nil
					} else if err != nil {
						return err
					}
				}
			})
		}
		for range 2 {
			group.Go(func() error {
				<-ran
				return s.Close()
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTrace(t *testing.T) {
	s, x, sum, _, _ := adder(t)
	var raw []byte
	if _, err := s.Run([]Feed{{x, tensor.Must(make([]float32, 1000), 1000)}}, []tf.Output{sum}, nil, &raw); err != nil {
		t.Fatal(err)
	}
	var metadata pb.RunMetadata
	if err := proto.Unmarshal(raw, &metadata); err != nil {
		t.Fatal(err)
	}
	for _, d := range metadata.StepStats.DevStats {
		for _, n := range d.NodeStats {
			if n.NodeName == "sum" {
				return
			}
		}
	}
	t.Errorf("the trace has no node named sum: %v", metadata.StepStats)
}

// TestRunRows checks that a tensor fed as Rows equals the same tensor in one piece.
func TestRunRows(t *testing.T) {
	s, x, sum, _, _ := adder(t)
	// 1, -2, 3.5 and 0.25 in IEEE 754, little-endian.
	rows := tensor.Rows[float32]{{0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}, {0, 0, 0x60, 0x40, 0, 0, 0x80, 0x3e}}
	out, err := s.Run([]Feed{{x, tensor.Tensor{Shape: []int{2, 2}, Data: rows}}}, []tf.Output{sum}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := tensor.Must([]float32{2, -4, 7, 0.5}, 2, 2); !reflect.DeepEqual(out[0], want) {
		t.Errorf("sum %v, want %v", out[0], want)
	}
	for _, shape := range [][]int{{4}, {2, 3}, {}} {
		if _, err := s.Run([]Feed{{x, tensor.Tensor{Shape: shape, Data: rows}}}, []tf.Output{sum}, nil, nil); err == nil {
			t.Errorf("shape %v was taken", shape)
		}
	}
}

// TestHeld: held values are fed from run to run, as often as one likes, until they are freed.
func TestHeld(t *testing.T) {
	s, x, sum, text, length := adder(t)
	in, err := Hold(tensor.Must([]float32{1, -2, 3.5}, 3, 1))
	if err != nil {
		t.Fatal(err)
	}
	words, err := Hold(tensor.Scalar(strings.Repeat("é", 1000)))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		twice, err := s.RunHeld([]Feed{{x, in}}, []tf.Output{sum})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(twice[0].Shape, []int{3, 1}) {
			t.Errorf("shape %v, want [3 1]", twice[0].Shape)
		}
		out, err := s.Run([]Feed{{x, twice[0]}, {text, words}}, []tf.Output{sum, length}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if want := tensor.Must([]float32{4, -8, 14}, 3, 1); !reflect.DeepEqual(out[0], want) || out[1].Data.([]int32)[0] != 2000 {
			t.Errorf("%v, want %v and 2000", out, want)
		}
		Free(twice...)
		if _, err := s.Run([]Feed{{x, twice[0]}}, []tf.Output{sum}, nil, nil); err == nil || !strings.Contains(err.Error(), "freed") {
			t.Errorf("a freed tensor is fed: %v", err)
		}
	}
	Free(in, words, in, tensor.Scalar(float32(1)))
	if _, err := s.RunHeld([]Feed{{x, tensor.Scalar("text")}}, []tf.Output{sum}); err == nil {
		t.Error("text is added")
	}
	if _, err := Hold(tensor.Tensor{Shape: []int{2}, Data: []float32{1}}); err == nil {
		t.Error("a tensor with too few elements is held")
	}
}
