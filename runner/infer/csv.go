package infer

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"

	"dtl-tf/runner/assess"
)

// CSV prints predictions as lines of a CSV file: image, label, class and probability, with several tasks the adapter after the image,
// with a threshold whether it is unsure (true or false), then label, class and probability of the other classes of TopK.
type CSV struct {
	w      *csv.Writer
	config PredictConfig
	tasks  bool
}

// NewCSV prints the header. tasks says that there are several.
func (c PredictConfig) NewCSV(w io.Writer, tasks bool) (*CSV, error) {
	p := &CSV{csv.NewWriter(w), c, tasks}
	header := []string{"image"}
	if tasks {
		header = append(header, "adapter")
	}
	header = append(header, "label", "class", "probability")
	if c.Threshold > 0 {
		header = append(header, "unsure")
	}
	for i := 2; i <= c.TopK; i++ {
		header = append(header, fmt.Sprintf("label_%d", i), fmt.Sprintf("class_%d", i), fmt.Sprintf("probability_%d", i))
	}
	return p, p.line(header)
}

// Print prints a prediction. Paths and names that would break the line are quoted, see [assess.Cell].
func (p *CSV) Print(v Prediction) error {
	if v.Labels != nil {
		return p.several(v)
	}
	cells := []string{assess.Cell(v.Image)}
	if p.tasks {
		cells = append(cells, assess.Cell(v.Adapter))
	}
	for i, c := range v.choices() {
		class := c.Class
		if class != "" {
			class = assess.Cell(class)
		}
		cells = append(cells, strconv.Itoa(c.Label), class, strconv.FormatFloat(c.Probability, 'g', -1, 64))
		if i == 0 && v.Unsure != nil {
			cells = append(cells, strconv.FormatBool(*v.Unsure))
		}
	}
	for i := len(v.choices()); i < p.config.TopK; i++ { // the classifier has fewer classes
		cells = append(cells, "", "", "")
	}
	return p.line(cells)
}

// several prints a line for each class of an image that has any number of them, one with empty cells if it has none.
func (p *CSV) several(v Prediction) error {
	list := *v.Labels
	first := []string{assess.Cell(v.Image)}
	if p.tasks {
		first = append(first, assess.Cell(v.Adapter))
	}
	if len(list) == 0 {
		cells := append(first, "", "", "")
		if p.config.Threshold > 0 {
			cells = append(cells, "")
		}
		return p.line(cells)
	}
	for _, c := range list {
		class := c.Class
		if class != "" {
			class = assess.Cell(class)
		}
		cells := slices.Concat(first, []string{strconv.Itoa(c.Label), class, strconv.FormatFloat(c.Probability, 'g', -1, 64)})
		if p.config.Threshold > 0 {
			cells = append(cells, "false") // below it there is no line
		}
		if err := p.line(cells); err != nil {
			return err
		}
	}
	return nil
}

// line prints a line at once, so that a reader need not wait for others.
func (p *CSV) line(cells []string) error {
	_ = p.w.Write(cells) // an error sticks and comes from Error
	p.w.Flush()
	return p.w.Error()
}
