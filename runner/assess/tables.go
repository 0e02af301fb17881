package assess

import (
	"fmt"
	"strconv"
)

// maxSquare is the largest number of classes for which confusion.csv is a square. It has then 4 million cells; beyond, the file lists
// the cells that are not zero.
const maxSquare = 2000

// writePerClass writes per_class.csv: a line per class. A figure that is undefined is empty.
func (e *Evaluation) writePerClass(path string, m *Matrix) error {
	labels := e.labels()
	cell := func(v *float64) string {
		if v == nil {
			return ""
		}
		return full(*v)
	}
	return writeCSV(path, []string{"class", "images", "predicted", "right", "precision", "recall", "f1"}, func(write func(...string)) {
		for i, c := range m.Classes {
			write(labels[i], strconv.Itoa(c.Images), strconv.Itoa(c.Predicted), strconv.Itoa(c.Right), cell(c.Precision), cell(c.Recall), cell(c.F1))
		}
	})
}

// writeConfusion writes confusion.csv: a row per true class, a column per predicted class. The first cell says so.
func (e *Evaluation) writeConfusion(path string, m *Matrix) error {
	labels := e.labels()
	if e.Classes > maxSquare {
		return writeCSV(path, []string{"true", "predicted", "images"}, func(write func(...string)) {
			for _, c := range m.Cells() {
				write(labels[c.True], labels[c.Predicted], strconv.Itoa(c.Count))
			}
		})
	}
	header := append([]string{"row: true, column: predicted"}, labels...)
	return writeCSV(path, header, func(write func(...string)) {
		cells := m.Cells()
		for class := range e.Classes {
			row := make([]string, e.Classes+1)
			for i := range row {
				row[i] = "0"
			}
			row[0] = labels[class]
			for ; len(cells) > 0 && cells[0].True == class; cells = cells[1:] {
				row[1+cells[0].Predicted] = fmt.Sprint(cells[0].Count)
			}
			write(row...)
		}
	})
}
