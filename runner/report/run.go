package report

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"dtl-tf/runner/result"
)

// tableWidth fits a terminal window and a README.
const tableWidth = 100

// Runs writes a table with a row per run, from the runs' run.json alone. Cells of missing values are empty.
func Runs(w io.Writer, format string, runs ...result.Run) error {
	t := Table{
		Columns: []Column{
			{Key: "method", Title: "method"},
			{Key: "data", Title: "data set", Cut: true},
			{Key: "backbone", Title: "backbone", Cut: true, Text: fileName},
			{Key: "trainable_without_classifier", Title: "trainable\nparameters", Right: true, Text: Used},
			{Key: "classifier", Title: "classifier", Right: true, Text: Thousands},
			{Key: "top1", Title: "top-1\n%", Right: true, Text: Fixed(2)},
			{Key: "images", Title: "images\ntested", Right: true, Text: Thousands},
			{Key: "seconds_per_step", Title: "s/step", Right: true, Text: Significant},
			{Key: "images_per_second", Title: "images\n/s", Right: true, Text: Significant},
			{Key: "status", Data: true},
		},
		Note:     "Trainable parameters: without the classifier, as the literature counts them.",
		MaxWidth: tableWidth,
	}
	for _, r := range runs {
		var top1, images, step any
		if a := r.Accuracy; a != nil {
			top1, images = a.Top1, a.Images
		}
		if s := r.Measurements.SecondsPerStep; s != nil {
			step = s.Median
		}
		t.Rows = append(t.Rows, []any{
			r.Method, r.Data.Name, cmp.Or(r.Backbone.Repo, r.Backbone.Path), Trainable{r.Parameters.Trainable, r.Parameters.Unused}, r.Parameters.Classifier,
			top1, images, step, OrNil(r.Measurements.ImagesPerSecond), string(r.Status),
		})
		if r.Status != result.Finished {
			t.Note += fmt.Sprintf("\nNot finished: %s on %s (%s).", r.Method, r.Data.Name, r.Status)
		}
	}
	return t.Render(w, format)
}

// fileName returns the name of a backbone's file without folder and extension.
func fileName(v any) string {
	path := plain(v)
	if path == "" {
		return ""
	}
	name := filepath.Base(path) // also of a SavedModel's folder/
	return strings.TrimSuffix(strings.TrimSuffix(name, ".npz"), ".safetensors")
}
