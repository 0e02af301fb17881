package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/runner"
)

// printForecast prints what training on images takes, told from the graph.
func printForecast(c config) error {
	arch, err := backbone.Parse(c.backbone)
	if err != nil {
		return err
	}
	p, err := graph.ParsePrecision(c.precision)
	if err != nil {
		return err
	}
	mode, err := graph.ParseRecompute(c.recompute)
	if err != nil {
		return fmt.Errorf("-recompute: %w", err)
	}
	chosen := runner.MethodConfig{Method: c.method, Options: dtl.Options{}}
	if name, value, given := strings.Cut(c.option, "="); given {
		chosen.Options[name] = value
	}
	method, err := chosen.Resolve(arch)
	if err != nil {
		return err
	}
	half := [3]float64{0.5, 0.5, 0.5}
	model, err := dtl.New(dtl.Config{
		Arch: arch, Mean: half, Std: half, Method: method.Method, Pool: method.Pool, Classes: classes,
		Precision: p, Recompute: mode, ChunkValues: c.chunk,
	})
	if err != nil {
		return err
	}
	f, err := model.ForecastImages(dtl.Training{Batch: c.batch, WeightDecay: decay}, graph.SessionOptions{Threads: c.threads})
	if err != nil {
		return err
	}
	counts := model.Counts()
	return json.NewEncoder(os.Stdout).Encode(map[string]int64{
		"parameters": int64(backbone.Parameters(arch)), "trainable": int64(counts.Method), "weights": f.Weights, "optimizer": f.Optimizer,
		"input": f.Input, "peak": f.Peak,
	})
}
