package compare

import (
	"context"
	"fmt"
	"path/filepath"

	"dtl-tf/runner"
	"dtl-tf/runner/published"
	"dtl-tf/runner/report"
)

// Comparison is everything that a table, a JSON file or a figure shows.
type Comparison struct {
	Settings Settings `json:"settings"`
	Rows     []Line   `json:"rows"`
	Method   string   `json:"measured_how"`

	// Breakdown is the method whose largest buffers are to be shown, "" for none.
	Breakdown string `json:"-"`
	// Results is the folder of the runs that the own accuracies come from.
	Results string `json:"results_folder,omitempty"`
}

// Line is a row with what is known beside it.
type Line struct {
	Row
	Own    *Own             `json:"own_accuracy,omitempty"`
	Quoted *published.Quote `json:"quoted,omitempty"`
}

// Run measures what is not kept yet and prints the table, and writes the figure if one is asked for. start is nil
// but in tests.
func Run(ctx context.Context, c Config, ui runner.UI, start Starter) error {
	if err := c.check(); err != nil {
		return err
	}
	methods, err := c.methods()
	if err != nil {
		return err
	}
	settings, err := c.settings(ctx, ui)
	if err != nil {
		return err
	}
	var own map[string]Own
	if c.Results != "" {
		var notes []string
		if own, notes, err = ownRuns(c.Results, settings); err != nil {
			return err
		}
		for _, note := range notes {
			fmt.Fprintf(ui.Err, "note: %s\n", note)
		}
	}
	store, err := openStore(c.Out, settings)
	if err != nil {
		return err
	}
	j := job{config: c, settings: settings, store: store, start: start, ui: ui}
	rows, err := j.rows(ctx, methods)
	if err != nil {
		return err
	}
	ratios(rows, j.full(rows))

	t := Comparison{Settings: settings, Method: how(settings, rows), Breakdown: c.Breakdown, Results: c.Results}
	for _, r := range rows {
		line := Line{Row: r}
		if settings.asQuoted() {
			quote := published.Of(r.Method)
			line.Quoted = &quote
		}
		if o, ok := own[r.Method]; ok {
			line.Own = &o
		}
		t.Rows = append(t.Rows, line)
	}
	if err := t.Print(ui.Out, c.Format); err != nil {
		return err
	}
	if c.Plot != "" {
		if err := t.plot(c.Plot); err != nil {
			return err
		}
		fmt.Fprintf(ui.Err, "wrote %s\n", c.Plot)
	}
	return nil
}

// job is the measuring of one call.
type job struct {
	config   Config
	settings Settings
	store    *store
	start    Starter
	ui       runner.UI
}

// rows takes the kept rows and measures the others.
func (j job) rows(ctx context.Context, methods []string) ([]Row, error) {
	rows := make([]Row, len(methods))
	var missing []int
	for i, name := range methods {
		row, ok, err := j.store.load(name)
		if err != nil {
			fmt.Fprintf(j.ui.Err, "note: %v: it is measured again\n", err)
		}
		if ok && !j.config.Fresh {
			rows[i] = row
			continue
		}
		missing = append(missing, i)
	}
	if kept := len(methods) - len(missing); kept > 0 {
		fmt.Fprintf(j.ui.Err, "note: %d of %d rows were measured before and are kept in %s (--fresh measures them again)\n", kept, len(methods), j.store.folder)
	}
	progress := report.NewProgress(j.ui.Err, j.ui.Quiet)
	defer progress.Break()
	show := progress.Work(len(missing), j.settings.work())
	for done, i := range missing {
		name := methods[i]
		show(done, 0, name)
		request := request{Method: name, Backbone: absolute(j.config.BackboneConfig), Settings: j.settings, Available: testAvailable}
		row, err := one(ctx, j.start, request, func(what string, count int) { show(done, count, name+" "+what) })
		if err != nil {
			return nil, fmt.Errorf("%s: %w (the rows before it are kept)", name, err)
		}
		rows[i] = row
		if err := j.store.save(row); err != nil {
			return nil, err
		}
		if row.Failure != nil {
			progress.Break()
			fmt.Fprintf(j.ui.Err, "note: %s: %s\n", name, row.Error)
		}
	}
	if len(missing) > 0 {
		show(len(missing), 0, "measured")
	}
	return rows, nil
}

// testAvailable stands in for the free memory in tests.
var testAvailable int64

// full is the row that others are compared with: of this call, or kept from an earlier one.
func (j job) full(rows []Row) *Measurement {
	for _, r := range rows {
		if r.Method == "full" {
			return r.Measurement
		}
	}
	if r, ok, err := j.store.load("full"); err == nil && ok {
		return r.Measurement
	}
	return nil
}

// absolute makes the path of a backbone independent of the working folder.
func absolute(c runner.BackboneConfig) runner.BackboneConfig {
	if !isArchitecture(c.Path) {
		if path, err := filepath.Abs(c.Path); err == nil {
			c.Path = path
		}
	}
	return c
}
