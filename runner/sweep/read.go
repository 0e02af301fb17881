package sweep

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"dtl-tf/graph/limit"
	"dtl-tf/runner/result"
)

// BadCellError says that a file is not a complete cell.
type BadCellError struct {
	Path string
	Err  error
}

// Error implements error.
func (e *BadCellError) Error() string { return fmt.Sprintf("%s: %v", e.Path, e.Err) }

// Unwrap returns Err, for package errors.
func (e *BadCellError) Unwrap() error { return e.Err }

// ReadCell reads the file of a cell of type C, of which a pointer is a Cell. name is a field that every cell of the benchmark has, such
// as "task". The error wraps fs.ErrNotExist for a missing file, and is a *BadCellError for one that is empty, truncated or something
// else. It also wraps a *result.ForeignError for a file of another version of the program.
func ReadCell[C any, P interface {
	*C
	Cell
}](path, name string) (C, error) {
	var c, none C
	b, err := limit.ReadFile(path, limit.Text)
	if err != nil {
		return none, fmt.Errorf("reading a cell: %w", err)
	}
	if err := DecodeCell(b, name, P(&c)); err != nil {
		return none, &BadCellError{path, err}
	}
	return c, nil
}

// DecodeCell decodes and checks the content of a cell's file, as [ReadCell] does.
func DecodeCell(b []byte, name string, c Cell) error {
	if len(bytes.TrimSpace(b)) == 0 {
		return errors.New("the file is empty")
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b, &fields); err != nil {
		return fmt.Errorf("not a complete JSON object: %w", err)
	}
	var format *int
	var text *string
	for field, into := range map[string]any{"format": &format, name: &text} {
		if raw, ok := fields[field]; ok {
			if err := json.Unmarshal(raw, into); err != nil {
				return fmt.Errorf("not a complete JSON object: field %s: %w", field, err)
			}
		}
	}
	if format == nil || text == nil {
		return fmt.Errorf("not the result of a cell: the field \"format\" or %q is missing", name)
	}
	if *format != Format {
		return &result.ForeignError{Err: fmt.Errorf("format %d, this program reads format %d", *format, Format)}
	}
	if err := result.Decode(b, c); err != nil {
		return &result.ForeignError{Err: err}
	}
	return check(c)
}
