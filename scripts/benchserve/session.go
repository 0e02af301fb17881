package main

import (
	"fmt"
	"time"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// session times one image at a time through the session that a server has. The difference to a client's times is what HTTP, decoding
// and the window add.
func session(architecture string, runs, threads int) error {
	arch, err := backbone.Parse(architecture)
	if err != nil {
		return err
	}
	bb, err := backbone.Random(arch, 1)
	if err != nil {
		return err
	}
	method, _, err := dtl.NewMethod("dtl", nil, arch)
	if err != nil {
		return err
	}
	options := graph.SessionOptions{Threads: threads}
	device, err := graph.FindDevice(options)
	if err != nil {
		return err
	}
	config := dtl.Config{Arch: arch, Std: [3]float64{1, 1, 1}, Method: method, Pool: backbone.PoolMean, Classes: classes, Device: device}
	shared, err := dtl.NewShared(config, dtl.Start{Session: options, Weights: bb.Weights})
	if err != nil {
		return err
	}
	defer shared.Close()
	tensors, err := adapter(arch, method, 0)
	if err != nil {
		return err
	}
	err = shared.Add(dtl.Task{Name: "a0", Method: method, Pool: config.Pool, Classes: classes, Adapter: tensors})
	if err != nil {
		return err
	}
	side := arch.ImageSize()
	image := tensor.Must(make([]uint8, side*side*3), 1, side, side, 3)
	times := make([]time.Duration, runs)
	for i := range times {
		begun := time.Now()
		if _, err := shared.Logits(image, "a0"); err != nil {
			return err
		}
		times[i] = time.Since(begun)
	}
	fmt.Printf("one image through the session, %d times: %s\n", runs, quantiles(times))
	return nil
}
