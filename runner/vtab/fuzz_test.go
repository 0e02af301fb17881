package vtab

import (
	"encoding/json"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/sweep"
)

// FuzzCell: what is read as a cell is complete, has the accuracy that a table takes of it, and can be written and read again.
func FuzzCell(f *testing.F) {
	f.Add([]byte(`{"format":1,"task":"eurosat","method":"dtl","seed":42,"status":"failed","error":"no images"}`))
	f.Add([]byte(`{"format":1,"task":"eurosat","method":"dtl","seed":42,"status":"finished"}`))
	f.Add([]byte(`{"format":1,"task":"../eurosat"}`))
	f.Add([]byte(`{"format":1,"task":"eurosat","method":"dtl","seed":42,"status":"finished","run":{"format":1,"status":"finished"}}`))
	f.Add([]byte(`{"format":1,"task":"eurosat","method":"dtl","seed":42,"status":"finished","run":{"format":1,"status":"finished","targets":[{"name":"d","top1":1}]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var c Cell
		var err error
		expect.Memory(t, 64*len(raw), func() {
			err = sweep.DecodeCell(raw, nameField, &c)
		})
		if err != nil {
			return
		}
		if c.Usable() == nil && c.Run.Accuracy == nil {
			t.Errorf("%s: a table can use it, and it has no accuracy", raw)
		}
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var again Cell
		if err := sweep.DecodeCell(text, nameField, &again); err != nil || again.Key() != c.Key() {
			t.Errorf("%s: %v", text, err)
		}
	})
}
