package adapter

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

// TestFind: files, runs and folders of runs, with names and without.
func TestFind(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, path := range []string{
		"cats.safetensors", "runs/tiles/adapter.safetensors", "runs/a=b/adapter.safetensors", "runs/notes/run.json", "more/tiles/adapter.safetensors",
		"empty/notes.txt", "x=y.safetensors", "[odd]/one/adapter.safetensors",
		"peft/adapter_config.json", "peft/adapter_model.safetensors",
	} {
		expect.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		expect.NoError(t, os.WriteFile(path, nil, 0o666))
	}
	for _, c := range []struct {
		values  string
		want    string // name:path
		several bool
		refused string
	}{
		{values: "cats.safetensors", want: "cats:cats.safetensors"},
		{values: "runs/tiles/adapter.safetensors", want: "tiles:runs/tiles/adapter.safetensors"},
		{values: "runs/tiles", want: "tiles:runs/tiles/adapter.safetensors"},
		{values: "t=runs/tiles", want: "t:runs/tiles/adapter.safetensors", several: true},
		{values: "t=cats.safetensors", want: "t:cats.safetensors", several: true},
		{values: "x=y.safetensors", want: "x=y:x=y.safetensors"},
		{values: "n=x=y.safetensors", want: "n:x=y.safetensors", several: true},
		{values: "runs", want: "a=b:runs/a=b/adapter.safetensors tiles:runs/tiles/adapter.safetensors", several: true},
		{values: "./runs/a=b", want: "a=b:runs/a=b/adapter.safetensors"},
		{values: "[odd]", want: "one:[odd]/one/adapter.safetensors", several: true},
		{values: "runs cats.safetensors", want: "a=b:runs/a=b/adapter.safetensors tiles:runs/tiles/adapter.safetensors cats:cats.safetensors", several: true},
		{values: "gone.safetensors", want: "gone:gone.safetensors"}, // reading it reports the error
		{values: "runs more", refused: "two adapters have the name tiles: runs/tiles/adapter.safetensors and more/tiles/adapter.safetensors; name them apart", several: true},
		{values: "a=cats.safetensors a=runs/tiles", refused: "two adapters have the name a", several: true},
		{values: "n=runs", refused: "has 2 runs, which can't have one name", several: true},
		{values: "empty", refused: "there is no adapter.safetensors in this folder", several: true},
		{values: "peft", refused: "--adapter peft: adapter_config.json in this folder says that it is an adapter of PEFT: merge it into its model", several: true},
		{values: "=cats.safetensors", refused: "give FILE or NAME=FILE"},
		{values: "a=", refused: "give FILE or NAME=FILE", several: true},
	} {
		values := strings.Fields(c.values)
		if got := Several(values); got != c.several {
			t.Errorf("%s: several is %v", c.values, got)
		}
		list, err := Find(values)
		if c.refused != "" {
			expect.Error(t, err, c.refused)
			continue
		}
		var got []string
		for _, n := range list {
			got = append(got, fmt.Sprintf("%s:%s", n.Name, filepath.ToSlash(n.Path)))
		}
		if all := strings.Join(got, " "); err != nil || all != c.want {
			t.Errorf("%s: %s, %v, want %s", c.values, all, err, c.want)
		}
	}
}
