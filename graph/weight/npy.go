package weight

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// npyHeader is the header of a .npy array: numpy.lib.format, versions 1.0, 2.0 and 3.0.
type npyHeader struct {
	descr   string // NumPy's type string, or the whole list of a structured type
	fortran bool   // column-major
	shape   []int
	length  int // bytes before the data
}

// maxNPYHeader is the size limit of a header in bytes. NumPy's own limit is 10,000 characters.
const maxNPYHeader = 1 << 16

// ReadNPYHeader reads the header of a .npy array: NumPy's type string, whether the array is in Fortran order, and its shape.
func ReadNPYHeader(r io.Reader) (descr string, fortran bool, shape []int, err error) {
	h, err := readNPYHeader(r)
	return h.descr, h.fortran, h.shape, err
}

func readNPYHeader(r io.Reader) (npyHeader, error) {
	head := make([]byte, 8, 12)
	if _, err := io.ReadFull(r, head); err != nil {
		return npyHeader{}, fmt.Errorf("its .npy header cannot be read, the file is damaged: %w", noEOF(err))
	}
	if string(head[:6]) != "\x93NUMPY" {
		return npyHeader{}, fmt.Errorf("it is not a .npy array, it begins with %q", head)
	}
	var width int // of the field that holds the header's length
	switch head[6] {
	case 1:
		width = 2
	case 2, 3: // 3.0 allows UTF-8 in field names of structured types, which are refused anyway
		width = 4
	default:
		return npyHeader{}, fmt.Errorf("it is of .npy version %d.%d, this program reads 1.0, 2.0 and 3.0: save it with numpy.savez", head[6], head[7])
	}
	field := make([]byte, 4)
	if _, err := io.ReadFull(r, field[:width]); err != nil {
		return npyHeader{}, fmt.Errorf("its .npy header cannot be read, the file is damaged: %w", noEOF(err))
	}
	length := int64(binary.LittleEndian.Uint32(field))
	if length > maxNPYHeader {
		return npyHeader{}, fmt.Errorf("its .npy header claims %d bytes, %d is the limit: the file is damaged", length, maxNPYHeader)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return npyHeader{}, fmt.Errorf("its .npy header cannot be read, the file is damaged: %w", noEOF(err))
	}
	h, err := parseNPYHeader(string(text))
	if err != nil {
		return npyHeader{}, fmt.Errorf("its .npy header makes no sense: %w", err)
	}
	h.length = len(head) + width + int(length)
	return h, nil
}

// parseNPYHeader parses a literal such as {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }.
func parseNPYHeader(text string) (npyHeader, error) {
	p := literal{text}
	var h npyHeader
	if !p.accept("{") {
		return h, p.unexpected("{")
	}
	seen := map[string]bool{}
	for !p.accept("}") {
		key, err := p.quoted()
		if err != nil {
			return h, err
		}
		if seen[key] {
			return h, fmt.Errorf("%q is there twice", key)
		}
		seen[key] = true
		if !p.accept(":") {
			return h, p.unexpected(":")
		}
		switch key {
		case "descr":
			if h.descr, err = p.descr(); err != nil {
				return h, err
			}
		case "fortran_order":
			if h.fortran = p.accept("True"); !h.fortran && !p.accept("False") {
				return h, p.unexpected("True or False")
			}
		case "shape":
			if h.shape, err = p.tuple(); err != nil {
				return h, err
			}
		default:
			return h, fmt.Errorf("unknown key %.40q", key)
		}
		if !p.accept(",") && !strings.HasPrefix(p.skip(), "}") {
			return h, p.unexpected(", or }")
		}
	}
	if len(seen) != 3 {
		return h, errors.New("it must have descr, fortran_order and shape")
	}
	if p.skip() != "" {
		return h, p.unexpected("the end")
	}
	return h, nil
}

// literal is a parser of Python literals; rest is the text still to parse.
type literal struct{ rest string }

// skip skips white space and returns what follows.
func (p *literal) skip() string {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	return p.rest
}

// accept consumes the token if it is next.
func (p *literal) accept(token string) bool {
	rest, ok := strings.CutPrefix(p.skip(), token)
	if ok {
		p.rest = rest
	}
	return ok
}

func (p *literal) unexpected(wanted string) error {
	return fmt.Errorf("wanted %s, found %.24q", wanted, p.rest)
}

// quoted consumes a string without escapes.
func (p *literal) quoted() (string, error) {
	for _, quote := range []string{"'", `"`} {
		if p.accept(quote) {
			text, rest, ok := strings.Cut(p.rest, quote)
			if !ok || strings.Contains(text, `\`) {
				return "", p.unexpected("a plain string")
			}
			p.rest = rest
			return text, nil
		}
	}
	return "", p.unexpected("a string")
}

// descr consumes a type: a string or, for a structured type, a list. The list only serves an error
// message, so it is taken to end at the last bracket.
func (p *literal) descr() (string, error) {
	if !strings.HasPrefix(p.skip(), "[") {
		return p.quoted()
	}
	end := strings.LastIndex(p.rest, "]") + 1
	if end == 0 {
		return "", p.unexpected("a list with an end")
	}
	list := p.rest[:end]
	p.rest = p.rest[end:]
	return list, nil
}

// tuple consumes (), (3,), (3, 4), or (3L, 4L) as Python 2 wrote it.
func (p *literal) tuple() ([]int, error) {
	if !p.accept("(") {
		return nil, p.unexpected("(")
	}
	shape := []int{}
	for !p.accept(")") {
		p.skip()
		digits := p.rest[:len(p.rest)-len(strings.TrimLeft(p.rest, "0123456789"))]
		n, err := strconv.Atoi(digits)
		if err != nil {
			return nil, p.unexpected("a dimension")
		}
		p.rest = strings.TrimPrefix(p.rest[len(digits):], "L")
		shape = append(shape, n)
		if !p.accept(",") && !strings.HasPrefix(p.skip(), ")") {
			return nil, p.unexpected(", or )")
		}
	}
	return shape, nil
}
