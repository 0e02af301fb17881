package pickle

import (
	"bytes"
	"errors"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

// small is a pickle in protocol 2, as pickletools disassembles it: a dictionary of a string, a list of numbers of each width and
// an array [2, 3], with a memo entry that is used again.
const small = "\x80\x02}q\x00(U\x05labelq\x01]q\x02(K\x01M\x00\x01J\xff\xff\xff\xffe" +
	"U\x04dataq\x03cnumpy.core.multiarray\n_reconstruct\nq\x04cnumpy\nndarray\nq\x05K\x00\x85q\x06U\x01bq\x07\x87q\x08Rq\x09" +
	"(K\x01K\x02K\x03\x86q\x0acnumpy\ndtype\nq\x0bU\x02u1q\x0cK\x00K\x01\x87q\x0dRq\x0e(K\x03U\x01|q\x0fNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x10b" +
	"\x89U\x06abcdefq\x11tq\x12bU\x05againq\x13h\x01u."

func decode(s string) (any, error) { return Decode(strings.NewReader(s), int64(len(s))) }

func TestDecode(t *testing.T) {
	v, err := decode(small)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"label": []any{1, 256, -1}, "again": "label",
		"data": &Array{Shape: []int{2, 3}, Data: []byte("abcdef")},
	}
	if !reflect.DeepEqual(v, want) {
		t.Errorf("%#v", v)
	}
}

// TestRefused checks that dangerous and damaged pickles are errors.
func TestRefused(t *testing.T) {
	list := "\x80\x02]q\x00(" + strings.Repeat("h\x00", 2000) + "e."
	for _, c := range []struct{ name, pickle, want string }{
		{"another name", strings.Replace(small, "numpy\nndarray", "posix\nsystem", 1), "posix.system, which is refused"},
		{"another array class", strings.Replace(small, "_reconstruct", "frombuffer", 1), "frombuffer, which is refused"},
		{"an array of objects", strings.Replace(small, "u1", "O8", 1), `type "O8"`},
		{"a call with other arguments", "\x80\x02cnumpy\nndarray\n(tR.", "refused"},
		{"a state of a list", "\x80\x02](tb.", "refused"},
		{"INST", "\x80\x02(iposix\nsystem\n.", "opcode 'i'"},
		{"STACK_GLOBAL", "\x80\x02\x93.", "0x93"},
		{"a persistent id", "\x80\x02Pabc\n.", "opcode 'P'"},
		{"text protocol", "(dp0\n.", "not a pickle of protocol 2"},
		{"no pickle", "\xff\xd8\xff", "not a pickle"},
		{"nothing", "", "cut off"},
		{"protocol 4", "\x80\x04}.", "protocol 4"},
		{"a long name", "\x80\x02c" + strings.Repeat("x", 1000), "127"},
		{"a long string", "\x80\x02T\xff\xff\xff\x7fabc", "claims 2147483647 bytes where 3 are left"},
		{"a wrong shape", strings.Replace(small, "K\x02K\x03\x86", "K\x02K\x04\x86", 1), "[2 4] has 6 bytes"},
		{"an array without data", "\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R.", "no data"},
		{"Fortran order", strings.Replace(small, "\x89U\x06", "\x88U\x06", 1), "Fortran"},
		{"a list in itself", list, "nest deeper"},
		{"a type that contains itself", cyclicType, "of type"},
		{"a shape that contains itself", cyclicShape, "dimension 0"},
		{"an empty stack", "\x80\x02e.", "damaged"},
		{"append to nothing", "\x80\x02K\x01a.", "damaged"},
		{"a lost reference", "\x80\x02h\x07.", "value 7"},
		{"values left", "\x80\x02NN.", "2 values"},
		{"a number as key", "\x80\x02}K\x01Ns.", "not a string"},
		{"a tuple", "\x80\x02N\x85.", "tuple"},
		{"a mark", "\x80\x02(.", "mark"},
	} {
		if v, err := decode(c.pickle); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v; want %q", c.name, v, err, c.want)
		}
	}
}

// TestLongString checks the limit of a string in a large file.
func TestLongString(t *testing.T) {
	const text = "\x80\x02T\x00\x00\x00\x7f"
	if _, err := Decode(strings.NewReader(text), 1<<40); err == nil || !strings.Contains(err.Error(), "claims 2130706432 bytes, more than") {
		t.Errorf("%v", err)
	}
}

// TestCut checks that every prefix of a pickle is an error.
func TestCut(t *testing.T) {
	for n := range small {
		if v, err := decode(small[:n]); !errors.Is(err, io.ErrUnexpectedEOF) && !strings.Contains(err.Error(), "cut off") {
			t.Errorf("%d bytes: %v, %v", n, v, err)
		}
	}
}

// TestRealHarm reads pickles that Python wrote, one of which runs a program when Python reads it.
func TestRealHarm(t *testing.T) {
	for name, want := range map[string]string{"evil.pickle": "system, which is refused", "protocol4.pickle": "protocol 4"} {
		raw, err := os.ReadFile("../testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(bytes.NewReader(raw), int64(len(raw))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An array whose type or shape is a dictionary that contains itself: printing that would not end.
const (
	cyclicType  = "\x80\x02cnumpy\ndtype\n(}q\x00U\x01ah\x00sK\x00K\x01tR."
	cyclicShape = "\x80\x02cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR(K\x01(}q\x00U\x01ah\x00stcnumpy\ndtype\n(U\x02u1K\x00K\x01tR\x89U\x01xtb."
)

// FuzzDecode checks that decoding ends and that a pickle's length bounds the memory.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("\x80\x02cos\nsystem\nU\x02id\x85R.")) // a call
	f.Add([]byte("\x80\x02T\xff\xff\xff\x7fabc."))      // a string of 2 GiB
	f.Add([]byte(cyclicType))
	f.Add([]byte(cyclicShape))
	f.Add([]byte("\x80\x02]q\x01h\x01a."))                       // a list that contains itself
	f.Add([]byte("\x80\x02" + strings.Repeat("(", 3000) + "t.")) // marks
	f.Add([]byte("\x80\x02]" + strings.Repeat("]a", 9)))         // no end
	f.Fuzz(func(t *testing.T, raw []byte) {
		expect.Memory(t, 512*len(raw), func() { _, _ = Decode(bytes.NewReader(raw), int64(len(raw))) })
	})
}
