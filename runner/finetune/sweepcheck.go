package finetune

import (
	"dtl-tf/dtl"
	"dtl-tf/runner"
)

// refusal is a flag that a sweep can't have.
type refusal struct {
	has  bool
	flag string
	why  string
}

// refuseFlags returns the UsageError for the first flag that is given.
func refuseFlags(list []refusal) error {
	for _, r := range list {
		if r.has {
			return runner.Usagef("--sweep and --%s do not go together: %s", r.flag, r.why)
		}
	}
	return nil
}

// newSweep parses the grid and refuses what no sweep can have.
func newSweep(c Config, given func(flag string) bool, ui runner.UI) (*sweep, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	err := refuseFlags([]refusal{
		{c.InitAdapter != "", "init-adapter", "settings start from drawn values"},
		{c.Init == InitRandom, "init random", "settings start from the same backbone"},
		{len(c.Targets) > 0, "targets", "settings are not tested on other domains"},
		{c.Cluster != "", "cluster", "settings train in one process"},
	})
	if err != nil {
		return nil, err
	}
	axes, err := parseGrid(c.Sweep, c.Method)
	if err != nil {
		return nil, err
	}
	for _, a := range axes {
		if a.name == "drop-path" {
			c.Auto.DropPath = false
		}
		if a.name != "seed" && given(a.name) {
			return nil, runner.Usagef("--%s is given, and --sweep has %s too: give one of them", a.name, a.name)
		}
	}
	s := &sweep{config: c, axes: axes, points: points(axes), ui: ui}
	for _, p := range s.points {
		if err := p.check(c); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// checkTogether refuses what settings that train together can't have.
func (s *sweep) checkTogether(given func(flag string) bool) error {
	c := s.config
	err := refuseFlags([]refusal{
		{c.Resume, "resume", "settings that train together have no checkpoints: begin again with --overwrite"},
		{given("checkpoint-every"), "checkpoint-every", "settings that train together have no checkpoints"},
		{c.Memory != "", "memory", "the forecast is that of one setting"},
		{c.TensorBoard, "tensorboard", "each folder's metrics.csv has the curves"},
		{c.Devices != "", "devices", "settings train on one device"},
	})
	if err != nil {
		return err
	}
	for _, p := range s.points {
		if one := p.apply(c); one.DropPath > 0 && one.DropPathScope == dtl.DropPathAll {
			return runner.Usagef("--sweep: with drop path %g all blocks change in every step, so that settings share none (--drop-path-scope suffix spares the leading ones)", one.DropPath)
		}
	}
	return nil
}
