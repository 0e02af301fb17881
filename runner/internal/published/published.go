// Package published holds numbers that papers and their repositories print, each with its source. They are quoted, never measured
// here; a number without a source is unknown.
package published

import (
	"bytes"
	"embed"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"dtl-tf/runner/internal/suite"
)

// Each file has one row per method: vtab.csv top-1 in percent on the 19 tasks of VTAB-1k with a ViT-B/16 pre-trained on ImageNet-21k,
// mean.csv the mean of methods of which the cells by task are not collected here, memory.csv what the comparison figure of the DTL
// paper shows, and caveat.csv the reasons, a row each, why a quoted accuracy cannot be compared directly (* is every method).
//
//go:embed vtab.csv mean.csv memory.csv caveat.csv
var files embed.FS

// Quote is what is published about one method on ViT-B/16. A nil field is unknown.
type Quote struct {
	Method     string   `json:"-"`                               // as in dtl.Names if this program has it
	Name       string   `json:"-"`                               // as papers write it
	Parameters *float64 `json:"parameters_millions,omitempty"`   // trainable, without the classifier
	GPUMemory  *float64 `json:"gpu_memory_gb,omitempty"`         // of training
	Groups     *float64 `json:"vtab_mean_of_groups,omitempty"`   // mean of the means of the three groups of VTAB-1k, percent
	Mean19     *float64 `json:"vtab_mean_of_19_tasks,omitempty"` // mean of the 19 tasks, percent

	Source       string `json:"source,omitempty"`        // of parameters and accuracy
	MemorySource string `json:"memory_source,omitempty"` // of the memory

	// Tasks is the top-1 in percent by the task's folder name; nil if no source has it.
	Tasks map[string]float64 `json:"-"`
}

// Of returns what is published about a method; if that is nothing, a Quote with the name only.
func Of(method string) Quote {
	if i := index(All(), method); i >= 0 {
		return All()[i]
	}
	return Quote{Method: method, Name: method}
}

func index(list []Quote, method string) int {
	return slices.IndexFunc(list, func(q Quote) bool { return q.Method == method })
}

// All returns every quoted method.
func All() []Quote { return quotes() }

var quotes = sync.OnceValue(func() (list []Quote) {
	for _, r := range rows("vtab.csv") {
		q := Quote{
			Method: r.text("method"), Name: r.text("name"), Source: r.text("source"), Parameters: r.number("parameters_m"),
			Groups: r.number("mean_of_groups"), Mean19: r.number("mean_of_19"), Tasks: map[string]float64{},
		}
		for _, task := range suite.Folders() {
			if v := r.number(task); v != nil {
				q.Tasks[task] = *v
			}
		}
		list = append(list, q)
	}
	for _, r := range rows("mean.csv") {
		list = append(list, Quote{
			Method: r.text("method"), Name: r.text("name"), Source: r.text("source"),
			Parameters: r.number("parameters_m"), Groups: r.number("mean_of_groups"),
		})
	}
	for _, r := range rows("memory.csv") {
		i := index(list, r.text("method"))
		if i < 0 { // only the figure has the method
			i = len(list)
			list = append(list, Quote{
				Method: r.text("method"), Name: r.text("name"), Source: r.text("source"),
				Parameters: r.number("parameters_m"), Groups: r.number("vtab_average"),
			})
		}
		list[i].GPUMemory, list[i].MemorySource = r.number("gpu_memory_gb"), r.text("source")
	}
	return list
})

// Caveats returns the reasons why the quoted accuracy of a method, or with "*" that of every method, cannot be compared directly.
func Caveats(method string) []string { return caveats()[method] }

var caveats = sync.OnceValue(func() map[string][]string {
	list := map[string][]string{}
	for _, r := range rows("caveat.csv") {
		list[r.text("method")] = append(list[r.text("method")], r.text("caveat"))
	}
	return list
})

// row is a row of a file, by column.
type row map[string]string

// rows reads an embedded file. A mistake in it panics; a test reads all of them.
func rows(name string) (list []row) {
	raw, err := files.ReadFile(name)
	if err != nil {
		panic(err)
	}
	lines, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
	if err != nil {
		panic(fmt.Sprintf("%s of package published: %v", name, err))
	}
	for _, cells := range lines[1:] {
		r := row{}
		for i, column := range lines[0] {
			r[column] = cells[i]
		}
		list = append(list, r)
	}
	return list
}

func (r row) text(column string) string {
	text, ok := r[column]
	if !ok {
		panic(fmt.Sprintf("a file of package published has no column %q", column))
	}
	return text
}

func (r row) number(column string) *float64 {
	text := r.text(column)
	if text == "" {
		return nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(fmt.Sprintf("a file of package published, column %q: %v", column, err))
	}
	return &v
}
