package summary

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
	"strings"
)

// csv writes a row a method, unrounded: for each column the mean, the deviation and the number of seeds.
func (t Table) csv(w io.Writer) error {
	c := csv.NewWriter(w)
	head := []string{"method", "name", "source", "parameters_m", "peak_step_memory_bytes", "quoted_gpu_memory_gb"}
	for _, col := range t.Columns {
		head = append(head, col.Key, col.Key+"_std", col.Key+"_seeds")
	}
	_ = c.Write(append(head, "notes")) // an error sticks and comes from c.Error
	for _, r := range t.Rows {
		source := "measured"
		if r.Quoted {
			source = "quoted"
		}
		cells := []string{r.Method, r.Name, source, "", "", ""}
		if r.Parameters != nil {
			cells[3] = number(r.Parameters.Millions)
		}
		if r.StepMemory != nil {
			cells[4] = strconv.FormatInt(*r.StepMemory, 10)
		}
		if r.GPUMemory != nil {
			cells[5] = number(*r.GPUMemory)
		}
		for _, col := range t.Columns {
			mean, std, seeds := "", "", ""
			if s, ok := r.Scores[col.Key]; ok {
				mean = number(s.Mean)
				if s.Std != nil {
					std = number(*s.Std)
				}
				if s.Seeds != nil {
					seeds = strconv.Itoa(len(s.Seeds))
				}
			}
			cells = append(cells, mean, std, seeds)
		}
		_ = c.Write(append(cells, strings.Join(t.notesOf(r), " | ")))
	}
	c.Flush()
	return c.Error()
}

// notesOf are the texts of a row's footnotes, those of its empty cells too.
func (t Table) notesOf(r Row) []string {
	var list []string
	for _, f := range t.Footnotes {
		mine := false
		for _, n := range r.Notes {
			mine = mine || n == f.Number
		}
		for _, n := range r.Empty {
			mine = mine || n == f.Number
		}
		if mine {
			list = append(list, f.Text)
		}
	}
	return list
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// json writes everything that is known, unrounded.
func (t Table) json(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(t)
}
