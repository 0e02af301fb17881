// Package pickle reads only the pickles in the Python archives of CIFAR-10 and CIFAR-100: dictionaries, lists, tuples, numbers,
// byte strings and arrays of bytes, as Python 2 writes them in protocol 2.
//
// A pickle is a program that may call anything. This package calls nothing: it knows only the three names from which numpy's arrays
// of bytes are made, and any other name or opcode is an error.
package pickle

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Limits of what is read. CIFAR's largest array is 50,000 x 3,072; its longest list has 50,000 entries.
const (
	maxMemo   = 1 << 21 // objects to which the pickle refers back; each file name is one
	maxStack  = 1 << 21
	maxDepth  = 4       // of the result
	maxString = 1 << 28 // CIFAR-100's training images are a string of 153,600,000 bytes
	maxName   = 127
)

// Decode reads a pickle of at most size bytes, the length of the file. The result consists of map[string]any, []any, int, string,
// bool, nil and *Array. Errors state the position in bytes.
func Decode(r io.Reader, size int64) (any, error) {
	d := &decoder{r: bufio.NewReaderSize(io.LimitReader(r, size), 1<<16), size: size, memo: map[uint32]any{}}
	value := d.run()
	if d.err != nil {
		return nil, fmt.Errorf("pickle, at byte %d: %w", d.at, d.err)
	}
	return value, nil
}

// mark is on the stack before the items of a list, tuple or dictionary.
type mark struct{}

// list is a []any that can grow while the memo refers to it.
type list struct{ items []any }

type tuple []any

// decoder runs a pickle. Its methods set err instead of returning an error; the first one stays.
type decoder struct {
	r     *bufio.Reader
	size  int64 // of the file
	read  int64 // bytes read so far
	at    int64 // position of the opcode
	stack []any
	memo  map[uint32]any
	made  int // values of the result
	err   error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf(format, args...)
	}
}

func (d *decoder) run() any {
	if op := d.number(1); d.err == nil && op != 0x80 { // PROTO
		d.fail("not a pickle of protocol 2: it begins with byte %#02x", op)
	}
	if version := d.number(1); version != 2 {
		d.fail("it is of protocol %d, CIFAR's files are of protocol 2", version)
	}
	for d.err == nil {
		d.at = d.read
		op := d.number(1)
		if op == '.' { // STOP
			if len(d.stack) != 1 {
				d.fail("%d values are left over: the pickle is damaged", len(d.stack))
				break
			}
			return d.plain(d.stack[0], 0)
		}
		d.step(op)
		if len(d.stack) > maxStack || len(d.memo) > maxMemo {
			d.fail("it builds more than %d values: this is no file of CIFAR", maxStack)
		}
	}
	return nil
}

// step executes an opcode, named as in Python's pickletools.
func (d *decoder) step(op uint32) {
	switch op {
	case '(': // MARK
		d.push(mark{})
	case '}': // EMPTY_DICT
		d.push(map[string]any{})
	case ']': // EMPTY_LIST
		d.push(&list{})
	case 'N': // NONE
		d.push(nil)
	case 0x88, 0x89: // NEWTRUE, NEWFALSE
		d.push(op == 0x88)
	case 'J': // BININT
		d.push(int(int32(d.number(4))))
	case 'K': // BININT1
		d.push(int(d.number(1)))
	case 'M': // BININT2
		d.push(int(d.number(2)))
	case 'U': // SHORT_BINSTRING
		d.text(1)
	case 'T': // BINSTRING
		d.text(4)
	case 'q': // BINPUT
		d.memo[d.number(1)] = d.top()
	case 'r': // LONG_BINPUT
		d.memo[d.number(4)] = d.top()
	case 'h': // BINGET
		d.recall(1)
	case 'j': // LONG_BINGET
		d.recall(4)
	case 'a': // APPEND
		d.extend(d.pop(1))
	case 'e': // APPENDS
		d.extend(d.popMark())
	case 's': // SETITEM
		d.update(d.pop(2))
	case 'u': // SETITEMS
		d.update(d.popMark())
	case 't': // TUPLE
		d.push(tuple(d.popMark()))
	case 0x85, 0x86, 0x87: // TUPLE1, TUPLE2, TUPLE3
		d.push(tuple(d.pop(int(op - 0x84))))
	case 'c': // GLOBAL: only the three names of numpy
		d.global()
	case 'R': // REDUCE: only makes an empty array or a dtype
		d.reduce()
	case 'b': // BUILD: only fills them
		d.build()
	default:
		d.fail("opcode %q (%#02x) is refused: CIFAR's files have none", byte(op), op)
	}
}

// readFull fills b.
func (d *decoder) readFull(b []byte) {
	_, err := io.ReadFull(d.r, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		d.fail("the file is cut off: %w", io.ErrUnexpectedEOF)
	} else if err != nil {
		d.fail("%w", err)
	}
	d.read += int64(len(b))
}

// number reads a little-endian number.
func (d *decoder) number(width int) uint32 {
	var field [4]byte
	d.readFull(field[:width])
	return binary.LittleEndian.Uint32(field[:])
}

// text reads a Python 2 string, images included. Its claimed length must not exceed the rest of the file.
func (d *decoder) text(width int) {
	n := d.number(width)
	if left := d.size - d.read; int64(n) > left {
		d.fail("a string claims %d bytes where %d are left: the file is cut off or damaged", n, left)
	} else if n > maxString {
		d.fail("a string claims %d bytes, more than any of CIFAR's has", n)
	}
	if d.err != nil {
		return
	}
	b := make([]byte, n)
	d.readFull(b)
	if n >= 1<<20 { // the data of an array, not copied into a string
		d.push(b)
	} else {
		d.push(string(b))
	}
}

// line reads a name.
func (d *decoder) line() string {
	var b strings.Builder
	for b.Len() <= maxName && d.err == nil {
		c := byte(d.number(1))
		if c == '\n' {
			return b.String()
		}
		b.WriteByte(c)
	}
	d.fail("it asks for a name of more than %d characters, which is refused", maxName)
	return ""
}

var errStack = errors.New("it takes more values than it made: the pickle is damaged")

func (d *decoder) push(v any) { d.stack = append(d.stack, v) }

// top returns the last value.
func (d *decoder) top() any {
	if len(d.stack) == 0 {
		d.fail("%w", errStack)
		return nil
	}
	return d.stack[len(d.stack)-1]
}

// pop removes and returns the last n values.
func (d *decoder) pop(n int) []any {
	from := len(d.stack) - n
	if from < 0 {
		d.fail("%w", errStack)
		return make([]any, n)
	}
	items := slices.Clone(d.stack[from:])
	d.stack = d.stack[:from]
	return items
}

// popMark removes the last mark and returns the values after it.
func (d *decoder) popMark() []any {
	for i := len(d.stack) - 1; i >= 0; i-- {
		if _, ok := d.stack[i].(mark); ok {
			return d.pop(len(d.stack) - i)[1:]
		}
	}
	d.fail("%w", errStack)
	return nil
}

// recall pushes a value of the memo.
func (d *decoder) recall(width int) {
	n := d.number(width)
	v, ok := d.memo[n]
	if !ok {
		d.fail("it refers to value %d, which was not stored: the pickle is damaged", n)
	}
	d.push(v)
}

// extend appends to the list on top of the stack.
func (d *decoder) extend(items []any) {
	to, ok := d.top().(*list)
	if !ok {
		d.fail("it fills something that is neither a list nor a dictionary: the pickle is damaged")
		return
	}
	to.items = append(to.items, items...)
}

// update adds keys and values to the dictionary on top of the stack.
func (d *decoder) update(items []any) {
	to, ok := d.top().(map[string]any)
	if !ok || len(items)%2 != 0 {
		d.fail("it fills something that is neither a list nor a dictionary: the pickle is damaged")
		return
	}
	for pair := range slices.Chunk(items, 2) {
		key, ok := pair[0].(string)
		if !ok {
			d.fail("a key of a dictionary is a %T, not a string", pair[0])
		}
		to[key] = pair[1]
	}
}

// plain converts a value to the types of the result. Limits end lists that contain themselves; CIFAR's lists nest once.
func (d *decoder) plain(v any, depth int) any {
	if d.made++; d.made > maxStack {
		d.fail("it builds more than %d values: this is no file of CIFAR", maxStack)
	}
	if depth > maxDepth {
		d.fail("its values nest deeper than those of CIFAR")
	}
	if d.err != nil {
		return nil
	}
	switch v := v.(type) {
	case *list:
		items := make([]any, len(v.items))
		for i, item := range v.items {
			items[i] = d.plain(item, depth+1)
		}
		return items
	case map[string]any:
		result := make(map[string]any, len(v))
		for key, item := range v {
			result[key] = d.plain(item, depth+1)
		}
		return result
	case *Array:
		if v.Data == nil {
			d.fail("an array has no data")
		}
	case int, string, bool, nil:
	default:
		d.fail("a value of type %T is none that CIFAR's files have", v)
	}
	return v
}
