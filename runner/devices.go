package runner

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dtl-tf/graph"
)

const (
	// devicesAll is what --devices accepts for every GPU.
	devicesAll = "all"
	// maxDevices bounds a number of devices; larger ones are typing mistakes.
	maxDevices = 64
)

// Devices are what computes a training step.
type Devices struct {
	Kind   graph.Device
	Places []graph.Place // that share the work; nil for the one device that TensorFlow chooses
}

// Names are the places as users type them, "" for the one device that TensorFlow chooses.
func (d Devices) Names() string {
	names := make([]string, len(d.Places))
	for i, p := range d.Places {
		names[i] = p.Short()
	}
	return strings.Join(names, ",")
}

// devicesSetting describes a field with the devices of a training step.
func devicesSetting(devices *string) Setting {
	return Setting{
		Name: "devices", Group: GroupMachine, Value: devices,
		Help: "`devices` that share the batch: all (GPUs), a number of GPUs or, without any, of processors of TensorFlow, or names such as gpu:0,gpu:1 or cpu:0,cpu:1; same result up to rounding, no matter how many",
	}
}

// FindDevices finds the devices that the settings ask for. It opens a session on an empty graph; if that is the first session of the
// process, it fixes the number of threads (see graph.SessionOptions).
func (c StepConfig) FindDevices() (Devices, error) {
	w, err := parseDevices(c.Devices)
	if err != nil {
		return Devices{}, err
	}
	found, err := graph.ListPlaces(graph.SessionOptions{Threads: c.Threads, Places: w.processors()})
	if err != nil {
		return Devices{}, err
	}
	d, err := w.among(found)
	if len(d.Places) == 1 && len(w.places) == 0 {
		d.Places = nil // TensorFlow's own choice
	}
	return d, err
}

// FindDevicesOf is FindDevices for every member of a cluster.
func (c StepConfig) FindDevicesOf(cluster *graph.Cluster) (Devices, error) {
	w, err := parseDevices(c.Devices)
	if err != nil {
		return Devices{}, err
	}
	found, err := graph.ListPlaces(graph.SessionOptions{Threads: c.Threads, Cluster: cluster})
	if err != nil {
		return Devices{}, err
	}
	members := map[string][]graph.Place{}
	var order []string
	for _, p := range found {
		if _, ok := members[p.Task()]; !ok {
			order = append(order, p.Task())
		}
		members[p.Task()] = append(members[p.Task()], p)
	}
	slices.SortFunc(order, func(a, b string) int { // TensorFlow lists members in any order; task:2 is before task:10
		return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
	})
	var all Devices
	for _, task := range order {
		d, err := w.in(task).among(members[task])
		if err != nil {
			return d, fmt.Errorf("%s: %w", task, err)
		}
		if all.Kind != "" && d.Kind != all.Kind {
			return d, Usagef("%s would compute on a %s, and %s on a %s: devices of one kind can share the work (--devices cpu:0 leaves GPUs out)", order[0], all.Kind, task, d.Kind)
		}
		all = Devices{d.Kind, append(all.Places, d.Places...)}
	}
	return all, nil
}

// in is w with the names of devices in a member of a cluster.
func (w wanted) in(task string) wanted {
	w.places = slices.Clone(w.places)
	for i, p := range w.places {
		w.places[i] = graph.Place(task) + p
	}
	return w
}

// wanted is a value of --devices.
type wanted struct {
	all    bool
	count  int           // of devices of the best kind; 0 for names
	places []graph.Place // that are named
}

func parseDevices(text string) (wanted, error) {
	switch text {
	case "":
		return wanted{count: 1}, nil
	case devicesAll:
		return wanted{all: true}, nil
	}
	if n, err := strconv.Atoi(text); err == nil {
		if n < 1 || n > maxDevices {
			return wanted{}, Usagef("--devices %d is not possible: it must be at least 1 and at most %d", n, maxDevices)
		}
		return wanted{count: n}, nil
	}
	var w wanted
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		kind, index, _ := strings.Cut(name, ":")
		n, err := strconv.Atoi(index)
		if kind != string(graph.Processor) && kind != string(graph.GPU) || err != nil || n < 0 || n >= maxDevices || index != strconv.Itoa(n) {
			return wanted{}, Usagef("--devices: %q is no device: use all, a number, or names such as gpu:0 or cpu:1, separated by commas", name)
		}
		p := graph.Place("/device:" + strings.ToUpper(kind) + ":" + index)
		switch {
		case slices.Contains(w.places, p):
			return wanted{}, Usagef("--devices: %s is named twice", name)
		case len(w.places) > 0 && w.places[0].Kind() != p.Kind():
			return wanted{}, Usagef("--devices: %s and %s can't share the work: name devices of one kind", w.places[0].Short(), name)
		}
		w.places = append(w.places, p)
	}
	return w, nil
}

// processors are the CPU devices that a session must have for it, if there is no GPU.
func (w wanted) processors() []graph.Place {
	if len(w.places) > 0 && w.places[0].Kind() == graph.GPU {
		return nil
	}
	if w.count < 2 {
		return w.places
	}
	list := make([]graph.Place, w.count)
	for i := range list {
		list[i] = graph.Place(fmt.Sprintf("/device:CPU:%d", i))
	}
	return list
}

// among chooses from the devices of a session.
func (w wanted) among(found []graph.Place) (Devices, error) {
	var gpus, processors []graph.Place
	for _, p := range found {
		if p.Kind() == graph.GPU {
			gpus = append(gpus, p)
		} else {
			processors = append(processors, p)
		}
	}
	best := Devices{graph.Processor, processors}
	if len(gpus) > 0 {
		best = Devices{graph.GPU, gpus}
	}
	switch {
	case w.all:
	case w.count > len(best.Places):
		return Devices{}, Usagef("--devices %d: TensorFlow finds %d here", w.count, len(best.Places))
	case w.count > 0:
		best.Places = best.Places[:w.count]
	default:
		for _, p := range w.places {
			if !slices.Contains(found, p) {
				return Devices{}, Usagef("--devices: TensorFlow finds no %s here, only %s", p.Short(), Devices{Places: found}.Names())
			}
		}
		return Devices{w.places[0].Kind(), w.places}, nil
	}
	return best, nil
}

// CheckDivisible returns a UsageError if there are more devices than images that a step processes at a time.
func (c StepConfig) CheckDivisible(d Devices) error {
	images, setting := c.Batch, "--batch"
	if c.MicroBatch > 0 {
		images, setting = c.MicroBatch, "--micro-batch"
	}
	if n := len(d.Places); n > images {
		return Usagef("%d devices can't share %d images at a time: use fewer devices or a larger %s", n, images, setting)
	}
	return nil
}
