package main

import (
	"context"

	"dtl-tf/runner/doctor"
)

var doctorCommand = command{
	name:     "doctor",
	purpose:  "check this machine: libtensorflow, devices, processor, memory",
	examples: []string{"dtl-tf doctor"},
	flags: func(*groups) func(context.Context, []string, streams) error {
		return func(_ context.Context, args []string, io streams) error {
			return doctor.Print(io.out, version)
		}
	},
}
