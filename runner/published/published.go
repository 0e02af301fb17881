// Package published holds numbers that papers and their repositories print, each with its source. They are quoted,
// never measured here, and a number that no source gives stays unknown.
package published

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"dtl-tf/runner/suite"
)

// vtab.csv has one row a method: ViT-B/16 pre-trained on ImageNet-21k, top-1 in percent on the 19 tasks of VTAB-1k.
//
//go:embed vtab.csv
var vtabFile []byte

// memory.csv has what the comparison figure of the DTL paper shows.
//
//go:embed memory.csv
var memoryFile []byte

// Quote is what is printed about one method on ViT-B/16. A nil field is not known.
type Quote struct {
	Method     string   `json:"-"`                               // as in dtl.Names, or a name of its own
	Name       string   `json:"-"`                               // as papers write it
	Parameters *float64 `json:"parameters_millions,omitempty"`   // trainable, without the classifier
	GPUMemory  *float64 `json:"gpu_memory_gb,omitempty"`         // of training
	Groups     *float64 `json:"vtab_mean_of_groups,omitempty"`   // mean of the means of the three groups of VTAB-1k, percent
	Mean19     *float64 `json:"vtab_mean_of_19_tasks,omitempty"` // mean of the 19 tasks, percent

	Source       string `json:"source,omitempty"`        // of parameters and accuracy
	MemorySource string `json:"memory_source,omitempty"` // of the memory

	// Tasks is the top-1 in percent by the folder name of the task; nil if no source gives them.
	Tasks map[string]float64 `json:"-"`
}

// Of returns what is known about a method; the zero Quote has its name only.
func Of(method string) Quote {
	for _, q := range All() {
		if q.Method == method {
			return q
		}
	}
	return Quote{Method: method, Name: method}
}

// All returns every quoted method.
func All() []Quote { return quotes() }

var quotes = sync.OnceValue(func() []Quote {
	list, err := read(vtabFile, memoryFile)
	if err != nil {
		panic(fmt.Sprintf("the data of package published: %v", err)) // a test reads the files
	}
	return list
})

func read(vtab, memory []byte) ([]Quote, error) {
	var list []Quote
	err := eachRow("vtab.csv", vtab, func(r row) {
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
	})
	if err != nil {
		return nil, err
	}
	err = eachRow("memory.csv", memory, func(r row) {
		i := slices.IndexFunc(list, func(q Quote) bool { return q.Method == r.text("method") })
		if i < 0 { // the figure alone has it
			i = len(list)
			list = append(list, Quote{
				Method: r.text("method"), Name: r.text("name"), Source: r.text("source"),
				Parameters: r.number("parameters_m"), Groups: r.number("vtab_average"),
			})
		}
		list[i].GPUMemory, list[i].MemorySource = r.number("gpu_memory_gb"), r.text("source")
	})
	return list, err
}

// row is one line of a file by the names in its head. The first bad cell is kept as an error.
type row struct {
	columns []string
	cells   []string
	err     *error
}

func (r row) text(column string) string {
	i := slices.Index(r.columns, column)
	if i < 0 {
		*r.err = fmt.Errorf("column %q is missing", column)
		return ""
	}
	return r.cells[i]
}

func (r row) number(column string) *float64 {
	text := r.text(column)
	if text == "" {
		return nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		*r.err = fmt.Errorf("column %q: %q is not a number", column, text)
	}
	return &v
}

func eachRow(name string, file []byte, use func(row)) error {
	lines, err := csv.NewReader(bytes.NewReader(file)).ReadAll()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for i, cells := range lines[1:] {
		use(row{columns: lines[0], cells: cells, err: &err})
		if err != nil {
			return fmt.Errorf("%s, row %d: %w", name, i+1, err)
		}
	}
	return nil
}
