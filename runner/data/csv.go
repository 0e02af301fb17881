package data

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// readCSV reads columns that are separated by commas, semicolons or tabs.
func readCSV(t *table, content []byte) error {
	r := csv.NewReader(bytes.NewReader(content))
	r.Comma = separatorOf(content)
	r.ReuseRecord = true
	var columns []string
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			if err = t.csvError(err, len(record), len(columns)); err != nil || columns == nil {
				return err
			}
			continue
		}
		line, _ := r.FieldPos(0)
		if columns == nil {
			if columns, err = t.header(record); err != nil {
				return fmt.Errorf("line %d: %w", line, err)
			}
			continue
		}
		cells := map[string]string{}
		for i, name := range columns {
			cells[name] = record[i]
		}
		labels := []string{cells[columnLabel]}
		if !t.folder {
			labels = strings.Split(cells[columnLabel], labelSeparator)
		}
		if err := t.add(line, cells[columnPath], labels, cells[columnSplit]); err != nil {
			if err := t.fault(line, "%w", err); err != nil {
				return err
			}
		}
	}
}

// separatorOf is the first of comma, semicolon and tab that makes the columns path and label of the header: the name of another column may
// have a comma in it. If none does, it is the first that the header has.
func separatorOf(content []byte) rune {
	const separators = ",;\t"
	head, _, _ := bytes.Cut(bytes.TrimLeft(content, "\r\n"), []byte("\n"))
	for _, separator := range separators {
		r := csv.NewReader(bytes.NewReader(head))
		r.Comma = separator
		names, err := r.Read()
		found := map[string]bool{}
		for _, name := range names {
			found[columnOf(name)] = true
		}
		if err == nil && found[columnPath] && found[columnLabel] {
			return separator
		}
	}
	for _, separator := range separators {
		if bytes.ContainsRune(head, separator) {
			return separator
		}
	}
	return ','
}

// header finds the columns.
func (t *table) header(record []string) (columns []string, err error) {
	for _, name := range record {
		column := columnOf(name)
		if column == "" {
			t.unused = append(t.unused, name)
		} else if slices.Contains(columns, column) {
			return nil, fmt.Errorf("two columns of the header mean %s: remove one", column)
		}
		columns = append(columns, column)
	}
	if !slices.Contains(columns, columnPath) || !slices.Contains(columns, columnLabel) {
		return nil, fmt.Errorf("want a header with the columns path and label (and split, if there are splits), and this line has %s", quotedFew(record))
	}
	t.splits = slices.Contains(columns, columnSplit)
	return columns, nil
}

// csvError rephrases an error of a record with a number of fields. Only a wrong number lets the reader go on.
func (t *table) csvError(err error, fields, columns int) error {
	var p *csv.ParseError
	switch {
	case errors.Is(err, csv.ErrFieldCount) && errors.As(err, &p):
		return t.fault(p.Line, "it has %d columns and the header has %d: a path or label with the separator in it needs quotation marks around it", fields, columns)
	case errors.Is(err, csv.ErrBareQuote) && errors.As(err, &p), errors.Is(err, csv.ErrQuote) && errors.As(err, &p):
		return fmt.Errorf("line %d: %w: a path or label with a quotation mark in it needs quotation marks around it, and two for each within", p.Line, p.Err)
	case errors.As(err, &p):
		return fmt.Errorf("line %d: %w", p.Line, p.Err)
	}
	return err
}

func quotedFew(texts []string) string {
	shown := make([]string, min(len(texts), maxNames))
	for i := range shown {
		shown[i] = quoted(texts[i])
	}
	return strings.Join(shown, ", ")
}
