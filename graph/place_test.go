package graph

import (
	"os"
	"os/exec"
	"runtime"
	"slices"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/graph/tensor"
)

// TestPlaceNames: the names that users see are those of the devices.
func TestPlaceNames(t *testing.T) {
	t.Parallel()
	for p, want := range map[Place][3]string{
		"/device:CPU:1":                    {"cpu:1", "", "/device:CPU:1"},
		"/job:worker/task:12/device:GPU:0": {"worker:12/gpu:0", "/job:worker/task:12", "/device:GPU:0"},
	} {
		if got := [3]string{p.Short(), p.Task(), p.Device()}; got != want {
			t.Errorf("%s: %q, want %q", p, got, want)
		}
	}
	for _, c := range []struct {
		a, b Place
		want bool
	}{
		{"/device:CPU:0", "/device:CPU:1", true}, {"/device:GPU:0", "/device:GPU:1", false},
		{"/job:worker/task:0/device:CPU:0", "/job:worker/task:1/device:CPU:0", false},
	} {
		if c.a.SharesMemory(c.b) != c.want {
			t.Errorf("%s and %s share memory: %t", c.a, c.b, !c.want)
		}
	}
}

// TestMirror: a mirrored variable has the value of the original, and a gradient of its own. With y = sum(x1^2) + 3 x2, dy/dx1 = 2 x1
// and dy/dx2 = 3. Nodes and constants of a device are on it.
func TestMirror(t *testing.T) {
	t.Parallel()
	home := New(RecomputeNone).On("/device:CPU:0")
	there := home.On("/device:CPU:1")
	vs := NewVariables()
	vs.Declare(home, "x1", true, 2, 2)
	vs.Declare(home, "x2", true, 1)
	mirror := vs.Mirror(home, there)
	x1, x2 := mirror.All()[0].Value, mirror.All()[1].Value
	flat := there.Reshape(x1, 1, 4)
	y := there.Add(there.Reshape(there.LinearT(flat, flat), 1), there.Scale(x2, 3))
	gradients := there.Backward(y, there.Reshape(there.Slope(1), 1), []Value{x1, x2})
	back := home.Unflatten(there.Flatten(append(gradients, y)), [][]int{{2, 2}, {1}, {1}})
	s, err := NewSession(home.Graph(), SessionOptions{Threads: 2, Places: []Place{"/device:CPU:0", "/device:CPU:1"}})
	expect.NoError(t, err)
	defer s.Close()
	expect.NoError(t, vs.Assign(s, tensor.Map{"x1": tensor.Must([]float32{1, 2, 3, 4}, 2, 2), "x2": tensor.Must([]float32{5}, 1)}))
	out, err := s.Run(nil, []tf.Output{back[0].Output, back[1].Output, back[2].Output})
	expect.NoError(t, err)
	for i, want := range [][]float32{{2, 4, 6, 8}, {3}, {45}} {
		if !slices.Equal(out[i].Float32(), want) {
			t.Errorf("value %d is %v, want %v", i, out[i].Float32(), want)
		}
	}
	if devices := gradients[0].Op.Device() + " " + back[0].Op.Device(); devices != "/device:CPU:1 /device:CPU:0" {
		t.Errorf("gradient and its copy are on %s", devices)
	}
}

// TestPools: each CPU device of a session has its share of Threads in its own pool. A session of two processors and four
// threads has two for each, and two more that start ops.
func TestPools(t *testing.T) {
	need.That(t, runtime.GOOS == "linux", "the threads of a process are counted on Linux only")
	const child = "DTL_TEST_POOLS_CHILD" // the first session of a process decides
	if os.Getenv(child) == "" {
		command := exec.Command(os.Args[0], "-test.run=^TestPools$")
		command.Env = append(os.Environ(), child+"=1")
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	open := func(processors ...Place) (threads int) {
		s, err := NewSession(New(RecomputeNone).Graph(), SessionOptions{Threads: 4, Places: processors})
		expect.NoError(t, err)
		t.Cleanup(func() { s.Close() })
		tasks, err := os.ReadDir("/proc/self/task")
		expect.NoError(t, err)
		return len(tasks)
	}
	first := open("/device:CPU:0", "/device:CPU:1")
	if more := open("/device:CPU:0", "/device:CPU:1") - first; more < 6 {
		t.Errorf("another session has %d threads more, want 6", more)
	}
}
