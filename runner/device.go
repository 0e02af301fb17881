package runner

import (
	"dtl-tf/dtl"
	"dtl-tf/runner/machine"
	"dtl-tf/runner/result"
)

// device describes what the session's graph runs on.
func device(s *dtl.Session, threads int) (result.Device, error) {
	name, kind, err := s.Device()
	if err != nil {
		return result.Device{}, err
	}
	d := result.Device{Name: name, Kind: kind, Model: machine.Processor(), Threads: threads}
	if kind == "GPU" {
		d.Model = machine.GPUs()
	}
	return d, nil
}
