package result

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// Metric is a row of metrics.csv: one complete epoch.
type Metric struct {
	Epoch           int // from 1
	Step            int // steps since the first epoch, at the end of this one
	Rate            float64
	Loss            float64 // mean over the epoch's steps
	ImagesPerSecond float64
	Seconds         float64 // of the epoch, including waits for input

	// The validation images after the epoch: top-1 in percent and mean cross-entropy. nil if the run did not look at them. Earlier
	// versions wrote ValTop1 as null.
	ValTop1 *float64 `json:",omitempty"`
	ValMAP  *float64 `json:",omitempty"` // mean average precision from 0 to 1, in the place of ValTop1 with --loss bce
	ValLoss *float64 `json:",omitempty"`
}

var (
	metricColumns = []string{"epoch", "step", "lr", "loss", "images_per_second", "seconds"}
	valColumns    = []string{"val_top1", "val_loss"} // from the first epoch on that was looked at
	mapColumns    = []string{"val_map", "val_loss"}  // the same with --loss bce
)

// UnmarshalJSON refuses unknown fields, which may affect the result.
func (m *Metric) UnmarshalJSON(raw []byte) error {
	type current Metric
	return Decode(raw, (*current)(m))
}

// AppendMetric adds the row of a later epoch to rows and replaces the whole metrics.csv at path, so that a reader never sees half
// a row. It returns all rows.
func AppendMetric(path string, rows []Metric, m Metric) ([]Metric, error) {
	if n := len(rows); n > 0 && m.Epoch <= rows[n-1].Epoch {
		return rows, fmt.Errorf("%s: epoch %d comes after epoch %d", path, m.Epoch, rows[n-1].Epoch)
	}
	all := append(slices.Clip(rows), m)
	if err := WriteMetrics(path, all); err != nil {
		return rows, err
	}
	return all, nil
}

// WriteMetrics writes a metrics.csv at path: rate, losses and accuracy in full precision, times to the millisecond.
func WriteMetrics(path string, rows []Metric) error {
	full := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	known := func(v *float64) string {
		if v == nil {
			return ""
		}
		return full(*v)
	}
	fixed := func(v float64, digits int) string { return strconv.FormatFloat(v, 'f', digits, 64) }
	return WriteFile(path, func(w io.Writer) error {
		c := csv.NewWriter(w)
		columns := metricColumns
		looked := slices.ContainsFunc(rows, func(m Metric) bool { return m.ValTop1 != nil })
		average := slices.ContainsFunc(rows, func(m Metric) bool { return m.ValMAP != nil })
		switch {
		case looked:
			columns = slices.Concat(columns, valColumns)
		case average:
			columns = slices.Concat(columns, mapColumns)
		}
		_ = c.Write(columns) // an error sticks and comes from c.Error
		for _, m := range rows {
			row := []string{
				strconv.Itoa(m.Epoch), strconv.Itoa(m.Step), full(m.Rate), full(m.Loss),
				fixed(m.ImagesPerSecond, 2), fixed(m.Seconds, 3),
			}
			switch {
			case looked:
				row = append(row, known(m.ValTop1), known(m.ValLoss))
			case average:
				row = append(row, known(m.ValMAP), known(m.ValLoss))
			}
			_ = c.Write(row)
		}
		c.Flush()
		return c.Error()
	})
}
