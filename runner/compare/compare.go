// Package compare measures parameters, memory and time of every method with the same backbone, batch size and precision. Each
// method runs in a separate process, so that one that does not fit into memory or is killed does not affect the others. Finished
// rows are stored as files, and a second call measures only the missing ones.
package compare

import (
	"context"
	"fmt"

	"dtl-tf/runner"
	"dtl-tf/runner/internal/published"
	"dtl-tf/runner/report"
)

// Comparison is the content of a table, a JSON file or a figure.
type Comparison struct {
	Settings Settings `json:"settings"`
	Rows     []Line   `json:"rows"`
	Method   string   `json:"measured_how"`

	// Breakdown is the method whose largest buffers are printed, "" for none.
	Breakdown string `json:"-"`
	// Results is the folder of the user's own runs.
	Results string `json:"results_folder,omitempty"`
}

// Line is a row with accuracies and quoted numbers of its method.
type Line struct {
	Row
	Own    *Own             `json:"own_accuracy,omitempty"`
	Quoted *published.Quote `json:"quoted,omitempty"`
}

// Run measures the rows that are not stored, prints the table, and writes the figure if there is to be one. start is nil except
// in tests.
func Run(ctx context.Context, c Config, ui runner.UI, start Starter) error {
	if err := c.check(); err != nil {
		return err
	}
	if c.Tasks != "" {
		return runTasks(ctx, c, ui, start)
	}
	methods, err := c.methods()
	if err != nil {
		return err
	}
	if c.BackboneConfig, err = c.Local(ctx); err != nil { // once, so that all rows have the same commit
		return err
	}
	settings, err := c.settings(ctx, ui)
	if err != nil {
		return err
	}
	var own map[string]Own
	if c.Results != "" {
		var notes []string
		own, notes = ownRuns(c.Results, settings)
		for _, note := range notes {
			fmt.Fprintf(ui.Err, "note: %s\n", note)
		}
	}
	store, err := openStore(c.Out, settings)
	if err != nil {
		return err
	}
	rows, err := job{config: c, store: store, start: start, ui: ui}.rows(ctx, methods)
	if err != nil {
		return err
	}
	if full, _ := store.load("full"); full != nil {
		setRatios(rows, *full.Measurement)
	}

	t := Comparison{Settings: settings, Method: howMeasured(settings, rows), Breakdown: c.Breakdown, Results: c.Results}
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

// job measures the rows of one call.
type job struct {
	config Config
	store  *store
	start  Starter
	ui     runner.UI
}

// rows loads the stored rows and measures the others.
func (j job) rows(ctx context.Context, methods []string) ([]Row, error) {
	rows := make([]Row, len(methods))
	var missing []int
	for i, name := range methods {
		row, err := j.store.load(name)
		if err != nil {
			fmt.Fprintf(j.ui.Err, "note: %v: it is measured again\n", err)
		}
		if row == nil || j.config.Fresh {
			missing = append(missing, i)
			continue
		}
		rows[i] = *row
	}
	if stored := len(methods) - len(missing); stored > 0 {
		fmt.Fprintf(j.ui.Err, "note: %d of %d rows were measured before and are kept in %s (--fresh measures them again)\n", stored, len(methods), j.store.folder)
	}
	progress := report.NewProgress(j.ui.Err, j.ui.Quiet)
	defer progress.Break()
	show := progress.Work(len(missing), j.store.settings.work())
	for done, i := range missing {
		name := methods[i]
		show(done, 0, name)
		request := request{Method: name, Backbone: j.config.BackboneConfig, Settings: j.store.settings, Available: testAvailable}
		row, err := measureInChild(ctx, j.start, request, func(what string, count int) { show(done, count, name+" "+what) })
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

// testAvailable, unless 0, replaces the free memory in tests.
var testAvailable int64
