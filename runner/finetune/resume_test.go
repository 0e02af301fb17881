package finetune

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/expect"
	"dtl-tf/runner/data"
)

// TestDiffers changes every setting in turn: each that can change a result is found, and named as a flag.
func TestDiffers(t *testing.T) {
	base := Record{Config: Default()}
	base.Mean, base.Std = new([3]float64), new([3]float64)
	base.Options = dtl.Options{"rank": "2", "beta": "100"}
	if d := base.differs(base); d != "" {
		t.Errorf("a setting differs from itself: %s", d)
	}
	for _, f := range recorded() {
		other := base
		field := reflect.ValueOf(&other).Elem().FieldByIndex(f.Index)
		name := jsonName(f)
		want := "--" + strings.ReplaceAll(name, "_", "-") + " was "
		switch v := field.Addr().Interface().(type) {
		case *string:
			*v = "other"
		case *graph.Precision:
			*v = "other"
		case *graph.Recompute:
			*v = "other"
		case *dtl.DropPathScope:
			*v = "other"
		case *int:
			*v = 77
		case *float64:
			*v = 0.77
		case **[3]float64:
			*v = &[3]float64{0, 0, 0.77}
		case *bool:
			*v = !*v
		case *uint64:
			*v = 77
		case **uint64:
			*v = new(uint64)
		case *[]float32:
			*v = []float32{1, 0.77}
		case *data.Lists:
			*v = data.Lists{"train": {File: "moved"}}
		case *[]Target:
			*v = []Target{{Name: "other"}}
		case *dtl.Options:
			*v = dtl.Options{"rank": "2", "beta": "10"}
			want = "--beta was 100 and is 10 now"
		default:
			t.Fatalf("%s is of a type that this test doesn't know", name)
		}
		d := base.differs(other)
		if mayChange[name] != (d == "") || (d != "" && !strings.Contains(d, want)) {
			t.Errorf("%s: %q, want %q", name, d, want)
		}
	}
	gone := base
	gone.Options = dtl.Options{"rank": "2"}
	if d := base.differs(gone); !strings.Contains(d, "--beta was 100") {
		t.Errorf("an option less: %q", d)
	}
	// A run of a version without the setting trained with its default.
	var keys map[string]any
	text, err := json.Marshal(base)
	expect.NoError(t, err)
	expect.NoError(t, json.Unmarshal(text, &keys))
	delete(keys, "shuffle")
	text, err = json.Marshal(keys)
	expect.NoError(t, err)
	earlier, err := ReadRecord(text)
	expect.NoError(t, err)
	if d := earlier.differs(base); d != "" {
		t.Errorf("a setting is missing: %q", d)
	}
	damaged := base
	damaged.Mean = nil
	if d := damaged.differs(base); d != "--mean was not recorded and is [0 0 0] now" {
		t.Errorf("without a mean: %q", d)
	}
	for name := range mayChange {
		if !strings.Contains("out data lists targets backbone checkpoint_every init_adapter threads xla devices", name) {
			t.Errorf("%s may change on --resume: is the result still the same?", name)
		}
	}
}
