package sweep

import (
	"os"

	"dtl-tf/runner"
	"dtl-tf/runner/finetune"
)

// Config holds the settings of a sweep.
type Config struct {
	// Config holds the settings that all cells share. Data is the folder with the tasks' folders, Out the folder of results. The
	// recipe of each cell replaces some of the settings.
	finetune.Config
	Methods string // as runner.ParseMethods takes them
	Tasks   string // as suite.Select takes them
	Seeds   string // "42,43,44"
	Set     string // overrides of the recipes, as vtab.ParseOverrides takes them
	Shard   string // "2/8", "" for all cells
	Memory  bool   // measure the step memory of each kind of cell

	// Grid makes the sweep a search: "lr=1e-3,5e-3;drop_path=0,0.1". Each point is trained on train800 and evaluated on val200.
	Grid string
}

// check validates the folders.
func (c Config) check() error {
	if c.Data == "" {
		return runner.Usagef("--data is required: name the folder that the tasks' folders are in")
	}
	if info, err := os.Stat(c.Data); err != nil {
		return runner.Usagef("--data: %w", err)
	} else if !info.IsDir() {
		return runner.Usagef("--data %s is a file: name the folder that the tasks' folders are in", c.Data)
	}
	if c.Out == "" {
		return runner.Usagef("--out is required: name a folder for the results")
	}
	return nil
}
