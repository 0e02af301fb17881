package page

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"dtl-tf/graph/limit"
	"dtl-tf/runner/result"
)

// Curves are the columns of a metrics.csv that a page draws.
type Curves struct {
	Loss, Accuracy []Curve
	MAP            []Curve // mean average precision in percent, of images of any number of classes
}

// Curve has a value after each of some epochs.
type Curve struct {
	Name   string
	Epoch  []float64
	Values []float64
}

// ReadCurves reads the metrics.csv in the folder of a run: every column of a loss or an accuracy in percent, or of a mean
// average precision. There are no curves
// without the file.
func ReadCurves(folder string) (Curves, error) {
	var c Curves
	path := filepath.Join(folder, result.MetricsFile)
	content, err := limit.ReadFile(path, limit.Text)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("reading the curves: %w", err)
	}
	rows, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	if err != nil {
		return c, fmt.Errorf("%s: %w: the file is damaged or was changed", path, err)
	}
	if len(rows) == 0 {
		return c, nil
	}
	epoch := slices.Index(rows[0], "epoch")
	if epoch < 0 {
		return c, fmt.Errorf("%s has no column epoch: the file is damaged or was changed", path)
	}
	for at, column := range rows[0] {
		loss := strings.Contains(column, "loss")
		average := column == "val_map"
		if !loss && !average && !strings.Contains(column, "top1") && !strings.Contains(column, "accuracy") {
			continue
		}
		curve := Curve{Name: part(column)}
		for i, row := range rows[1:] {
			if row[at] == "" {
				continue
			}
			x, err := strconv.ParseFloat(row[epoch], 64)
			y, also := strconv.ParseFloat(row[at], 64)
			if err := errors.Join(err, also); err != nil {
				return c, fmt.Errorf("%s line %d: %w: the file is damaged or was changed", path, i+2, err)
			}
			if average { // a fraction in the file
				y *= 100
			}
			curve.Epoch, curve.Values = append(curve.Epoch, x), append(curve.Values, y)
		}
		switch {
		case len(curve.Values) == 0:
		case loss:
			c.Loss = append(c.Loss, curve)
		case average:
			c.MAP = append(c.MAP, curve)
		default:
			c.Accuracy = append(c.Accuracy, curve)
		}
	}
	return c, nil
}

// part names the images that a column is of: "val" for val_loss, "training" for loss.
func part(column string) string {
	for _, what := range []string{"loss", "top1", "map", "accuracy"} {
		if name, ok := strings.CutSuffix(column, what); ok {
			column = strings.Trim(name, "_ ")
			break
		}
	}
	if column == "" || column == "train" {
		return "training"
	}
	return column
}
