package main

import (
	"context"
	"fmt"

	"dtl-tf/runner/doctor"
)

var doctorCommand = command{
	name:     "doctor",
	purpose:  "check this machine: libtensorflow, devices, processor, memory",
	examples: []string{"dtl-tf doctor"},
	flags: func(*groups) func(context.Context, []string, streams) error {
		return func(_ context.Context, args []string, io streams) error {
			if err := noArgs("doctor", args); err != nil {
				return err
			}
			if err := doctor.Print(io.out, version); err != nil {
				return fmt.Errorf("doctor: %w", err)
			}
			return nil
		}
	},
}
