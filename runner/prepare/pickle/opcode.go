package pickle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// The opcodes that are understood, with their names in Python's pickletools.
const (
	opProto          = 0x80 // PROTO
	opStop           = '.'  // STOP
	opMark           = '('  // MARK
	opEmptyDict      = '}'  // EMPTY_DICT
	opEmptyList      = ']'  // EMPTY_LIST
	opNone           = 'N'  // NONE
	opTrue           = 0x88 // NEWTRUE
	opFalse          = 0x89 // NEWFALSE
	opBinInt         = 'J'  // BININT
	opBinInt1        = 'K'  // BININT1
	opBinInt2        = 'M'  // BININT2
	opShortBinString = 'U'  // SHORT_BINSTRING
	opBinString      = 'T'  // BINSTRING
	opBinPut         = 'q'  // BINPUT
	opLongBinPut     = 'r'  // LONG_BINPUT
	opBinGet         = 'h'  // BINGET
	opLongBinGet     = 'j'  // LONG_BINGET
	opAppend         = 'a'  // APPEND
	opAppends        = 'e'  // APPENDS
	opSetItem        = 's'  // SETITEM
	opSetItems       = 'u'  // SETITEMS
	opTuple          = 't'  // TUPLE
	opTuple1         = 0x85 // TUPLE1
	opTuple2         = 0x86 // TUPLE2
	opTuple3         = 0x87 // TUPLE3
	opGlobal         = 'c'  // GLOBAL: only the three names of numpy
	opReduce         = 'R'  // REDUCE: only makes an empty array or a dtype
	opBuild          = 'b'  // BUILD: only fills them
)

func (d *decoder) step(op byte) error {
	switch op {
	case opProto:
		version, err := d.byte()
		if err == nil && version != 2 {
			err = fmt.Errorf("it is of protocol %d, CIFAR's files are of protocol 2", version)
		}
		return err
	case opMark:
		d.push(mark{})
	case opEmptyDict:
		d.push(map[string]any{})
	case opEmptyList:
		d.push(&list{})
	case opNone:
		d.push(nil)
	case opTrue, opFalse:
		d.push(op == opTrue)
	case opBinInt, opBinInt1, opBinInt2:
		n, err := d.number(map[byte]int{opBinInt: 4, opBinInt1: 1, opBinInt2: 2}[op])
		if err != nil {
			return err
		}
		if op == opBinInt {
			d.push(int(int32(n)))
		} else {
			d.push(int(n))
		}
	case opShortBinString, opBinString:
		return d.text(op)
	case opBinPut, opLongBinPut, opBinGet, opLongBinGet:
		return d.remember(op)
	case opAppend, opAppends, opSetItem, opSetItems:
		return d.add(op)
	case opTuple:
		items, err := d.popMark()
		d.push(tuple(items))
		return err
	case opTuple1, opTuple2, opTuple3:
		n := int(op-opTuple1) + 1
		items, err := d.pop(n)
		d.push(tuple(items))
		return err
	case opGlobal:
		return d.global()
	case opReduce:
		return d.reduce()
	case opBuild:
		return d.build()
	default:
		return fmt.Errorf("opcode %q (%#02x) is refused: CIFAR's files have none", op, op)
	}
	return nil
}

func (d *decoder) byte() (byte, error) {
	b, err := d.r.ReadByte()
	if err != nil {
		return 0, cut(err)
	}
	d.read++
	return b, nil
}

// number reads a little-endian number.
func (d *decoder) number(width int) (uint32, error) {
	var field [4]byte
	if _, err := io.ReadFull(d.r, field[:width]); err != nil {
		return 0, cut(err)
	}
	d.read += int64(width)
	return binary.LittleEndian.Uint32(field[:]), nil
}

// text reads a Python 2 string. Images are strings too: the claimed length is checked against the file's.
func (d *decoder) text(op byte) error {
	n, err := d.number(map[byte]int{opShortBinString: 1, opBinString: 4}[op])
	if err != nil {
		return err
	}
	if int64(n) > d.left-d.read {
		return fmt.Errorf("a string claims %d bytes where %d are left: the file is cut off or damaged", n, d.left-d.read)
	}
	if n > maxString {
		return fmt.Errorf("a string claims %d bytes, more than any of CIFAR's has", n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(d.r, b); err != nil {
		return cut(err)
	}
	d.read += int64(n)
	if n >= 1<<20 { // the data of an array: a copy as a string would take as much memory again
		d.push(b)
	} else {
		d.push(string(b))
	}
	return nil
}

func (d *decoder) global() error {
	var words []string
	for range 2 {
		word, err := d.line()
		if err != nil {
			return err
		}
		words = append(words, word)
	}
	switch g := global(strings.Join(words, " ")); g {
	case reconstruct, ndarray, dtype:
		d.push(g)
		return nil
	}
	return fmt.Errorf("it asks for %s.%s, which is refused: CIFAR's files need numpy arrays only", quoted(words[0]), quoted(words[1]))
}

// line reads a name; numpy's are short.
func (d *decoder) line() (string, error) {
	var b strings.Builder
	for b.Len() < 128 {
		c, err := d.byte()
		if err != nil {
			return "", err
		}
		if c == '\n' {
			return b.String(), nil
		}
		b.WriteByte(c)
	}
	return "", errors.New("it asks for a name of more than 127 characters, which is refused")
}

func quoted(s string) string { return strings.Trim(fmt.Sprintf("%q", s), `"`) }

// cut says what the end of the file means here.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the file is cut off: %w", io.ErrUnexpectedEOF)
	}
	return err
}
