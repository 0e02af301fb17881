// Command benchjoint measures what several settings of a method cost that train on one forward pass (dtl.Joint), against one run. It prints a
// table; times are medians of steps that take turns, and of the process's processor time, which other processes do not stretch.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	_ "dtl-tf/graph/backbone/all"
	_ "dtl-tf/graph/capi/process"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner/finetune"
)

const classes = 100

func main() {
	path := flag.String("backbone", "", "backbone file")
	image := flag.Int("image-size", 96, "pixels")
	methods := flag.String("methods", "linear,lst,dtl", "methods, with commas between them")
	count := flag.Int("settings", 12, "settings that train together")
	batch := flag.Int("batch", 32, "images of a step")
	steps := flag.Int("steps", 7, "steps of each, after one that does not count")
	flag.Parse()
	if err := run(*path, *image, strings.Split(*methods, ","), *count, *batch, *steps); err != nil {
		fmt.Fprintln(os.Stderr, "benchjoint:", err)
		os.Exit(1)
	}
}

// side is one of the sides of a comparison.
type side struct {
	name string
	step func(i int) error
	cpu  []float64
	wall []float64
}

func run(path string, image int, methods []string, count, batch, steps int) error {
	bb, err := backbone.Load(context.Background(), path, backbone.Options{Image: image})
	if err != nil {
		return err
	}
	fmt.Printf("%s at %d pixels, batch %d, %d settings against one run\n", path, image, batch, count)
	fmt.Println("method  side                          cpu s/step  wall s/step  of one run")
	for _, name := range methods {
		sides, closeAll, err := sidesOf(bb, name, count, batch)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for i := range steps + 1 {
			for _, s := range sides {
				if err := s.measure(i); err != nil {
					return fmt.Errorf("%s: %s: %w", name, s.name, err)
				}
			}
		}
		for _, s := range sides {
			fmt.Printf("%-7s %-29s %-11.4f %-12.4f %.2f\n", name, s.name, median(s.cpu), median(s.wall), median(s.cpu)/median(sides[0].cpu))
		}
		closeAll()
	}
	return nil
}

// sidesOf opens a run of its own, the settings together, what they share, and the step after that at the batch of one setting and of all.
func sidesOf(bb *backbone.Backbone, name string, count, batch int) (sides []*side, closeAll func(), err error) {
	method, _, err := dtl.NewMethod(name, nil, bb.Architecture)
	if err != nil {
		return nil, nil, err
	}
	config := dtl.Config{
		Arch: bb.Architecture, Mean: bb.Mean, Std: bb.Std, Method: method, Pool: backbone.DefaultPool(bb.Architecture, method.Pool()), Classes: classes,
		Recompute: graph.RecomputeActivations,
	}
	training := dtl.Training{Batch: batch, WeightDecay: 0.05}
	start := dtl.Start{Weights: bb.Weights, Seed: 1}
	images, labels := finetune.RandomBatch(batch, bb.ImageSize(), classes)
	targets := dtl.Targets{Labels: labels}
	model, err := dtl.New(config)
	if err != nil {
		return nil, nil, err
	}
	one, err := dtl.NewImageTrainer(model, training, start)
	if err != nil {
		return nil, nil, err
	}
	var settings []dtl.Setting
	for i := range count {
		settings = append(settings, dtl.Setting{Method: method, Training: training, Seed: uint64(i)})
	}
	begun := time.Now()
	joint, err := dtl.NewJoint(config, settings, graph.FP32, start)
	if err != nil {
		return nil, nil, err
	}
	fmt.Printf("%-7s opened %d settings in %.1f s\n", name, count, time.Since(begun).Seconds())
	stored, err := joint.ComputeStored(images)
	if err != nil {
		return nil, nil, err
	}
	sides = []*side{
		{name: "one run", step: func(i int) error { _, err := one.Step(images, labels, 1e-3, i); return err }},
		{name: "together", step: func(i int) error {
			values, err := joint.Prefix(images)
			if err != nil {
				return err
			}
			defer values.Free()
			for k := range settings {
				if _, err := joint.Step(k, values, targets, 1e-3, i); err != nil {
					return err
				}
			}
			return nil
		}},
		{name: "what they share", step: func(int) error {
			values, err := joint.Prefix(images)
			values.Free()
			return err
		}},
	}
	closers := []func() error{one.Close, joint.Close}
	for _, n := range []int{1, count} { // is a suffix faster for all settings in one batch?
		wide := training
		wide.Batch = n * batch
		model, err := dtl.New(config)
		if err != nil {
			return nil, nil, err
		}
		t, err := dtl.NewStoredTrainer(model, wide, graph.FP32, start)
		if err != nil {
			return nil, nil, err
		}
		closers = append(closers, t.Close)
		values := make([]tensor.Tensor, len(stored))
		for i, v := range stored {
			values[i] = tensor.Must(slices.Repeat(v.Float32(), n), append([]int{n * batch}, v.Shape[1:]...)...)
		}
		all := slices.Repeat(labels, n)
		sides = append(sides, &side{name: fmt.Sprintf("the rest, batch %d", n*batch), step: func(i int) error { _, err := t.Step(values, all, 1e-3, i); return err }})
	}
	return sides, func() {
		for _, c := range closers {
			_ = c()
		}
	}, nil
}

// measure takes a step. That of number 0 does not count.
func (s *side) measure(i int) error {
	cpu, wall := processorSeconds(), time.Now()
	if err := s.step(i); err != nil {
		return err
	}
	if i > 0 {
		s.cpu, s.wall = append(s.cpu, processorSeconds()-cpu), append(s.wall, time.Since(wall).Seconds())
	}
	return nil
}

// processorSeconds is the processor time that the process has taken.
func processorSeconds() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // fails for no process itself
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

func median(list []float64) float64 {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}
