package result

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"

	"dtl-tf/graph/limit"
)

// Metric is a line of metrics.csv: one complete epoch.
type Metric struct {
	Epoch           int // from 1
	Step            int // steps done at its end, since the first epoch
	Rate            float64
	Loss            float64 // mean over the epoch's steps
	ImagesPerSecond float64
	Seconds         float64  // of the epoch, waiting for input included
	ValTop1         *float64 // percent; nil, an empty cell, where no validation split was evaluated
}

var metricColumns = []string{"epoch", "step", "lr", "loss", "images_per_second", "seconds", "val_top1"}

// MetricsLog is a metrics.csv under construction. The whole file is replaced at each epoch, so
// a reader never sees half a line; at a hundred lines that costs nothing.
type MetricsLog struct {
	path string
	rows []Metric
}

// NewMetricsLog starts the log at path with the given lines, those of the epochs before a
// resumed one or none. Nothing is written until Append.
func NewMetricsLog(path string, done ...Metric) *MetricsLog {
	return &MetricsLog{path: path, rows: slices.Clone(done)}
}

// Append adds a line and writes the file. Epochs must rise.
func (l *MetricsLog) Append(m Metric) error {
	if n := len(l.rows); n > 0 && m.Epoch <= l.rows[n-1].Epoch {
		return fmt.Errorf("%s: epoch %d comes after epoch %d", l.path, m.Epoch, l.rows[n-1].Epoch)
	}
	rows := append(l.rows, m)
	if err := WriteMetrics(l.path, rows); err != nil {
		return err
	}
	l.rows = rows
	return nil
}

// Rows is a copy of the lines so far.
func (l *MetricsLog) Rows() []Metric { return slices.Clone(l.rows) }

// WriteMetrics writes a metrics.csv at path. Rate and loss are written in full, so that they
// read back as they were; times to the millisecond.
func WriteMetrics(path string, rows []Metric) error {
	full := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	fixed := func(v float64, digits int) string { return strconv.FormatFloat(v, 'f', digits, 64) }
	return WriteFile(path, func(w io.Writer) error {
		c := csv.NewWriter(w)
		_ = c.Write(metricColumns) // an error sticks and comes from c.Error
		for _, m := range rows {
			val := ""
			if m.ValTop1 != nil {
				val = full(*m.ValTop1)
			}
			_ = c.Write([]string{
				strconv.Itoa(m.Epoch), strconv.Itoa(m.Step), full(m.Rate), full(m.Loss),
				fixed(m.ImagesPerSecond, 2), fixed(m.Seconds, 3), val,
			})
		}
		c.Flush()
		return c.Error()
	})
}

// ReadMetrics reads a metrics.csv. Errors name file and line.
func ReadMetrics(path string) ([]Metric, error) {
	f, err := limit.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading metrics: %w", err)
	}
	defer f.Close()
	return readMetrics(path, f)
}

func readMetrics(path string, r io.Reader) ([]Metric, error) {
	c := csv.NewReader(r)
	c.FieldsPerRecord = len(metricColumns)
	head, err := c.Read()
	if err == io.EOF {
		return nil, fmt.Errorf("%s: is empty", path)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if !slices.Equal(head, metricColumns) {
		return nil, fmt.Errorf("%s: the columns are %v, want %v", path, head, metricColumns)
	}
	var rows []Metric
	for {
		cells, err := c.Read()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		m, err := parseMetric(cells)
		if err != nil {
			line, _ := c.FieldPos(0)
			return nil, fmt.Errorf("%s: line %d: %w", path, line, err)
		}
		rows = append(rows, m)
	}
}

func parseMetric(cells []string) (Metric, error) {
	var m Metric
	for i, at := range []*int{&m.Epoch, &m.Step} {
		v, err := strconv.Atoi(cells[i])
		if err != nil {
			return m, fmt.Errorf("%s: %w", metricColumns[i], err)
		}
		*at = v
	}
	for i, at := range []*float64{&m.Rate, &m.Loss, &m.ImagesPerSecond, &m.Seconds} {
		v, err := strconv.ParseFloat(cells[2+i], 64)
		if err != nil {
			return m, fmt.Errorf("%s: %w", metricColumns[2+i], err)
		}
		*at = v
	}
	if cells[6] != "" {
		v, err := strconv.ParseFloat(cells[6], 64)
		if err != nil {
			return m, fmt.Errorf("%s: %w", metricColumns[6], err)
		}
		m.ValTop1 = &v
	}
	return m, nil
}
