package data

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

// TestSeveral: the labels of an image are those between bars or in a JSON list, each once, and may be none.
func TestSeveral(t *testing.T) {
	dir := t.TempDir()
	for i := range 4 {
		expect.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.png", i)), []byte{byte(i)}, 0o666))
	}
	for name, text := range map[string]string{
		"a.csv":   "path,label,split\n0.png,dog|cat,train\n1.png,,train\n2.png, cow |cow,test\n3.png,dog,val\n3.png,dog,val\n",
		"a.tsv":   "path\tlabels\tsplit\n0.png\tdog | cat\ttrain\n1.png\t\ttrain\n2.png\tcow\ttest\n3.png\tdog\tval\n",
		"a.jsonl": `{"path":"0.png","labels":["cat","dog"],"split":"train"}` + "\n" + `{"path":"1.png","labels":[],"split":"train"}` + "\n" + `{"path":"2.png","label":"cow","split":"test"}` + "\n" + `{"path":"3.png","label":["dog"],"split":"val"}` + "\n",
	} {
		path := filepath.Join(dir, name)
		expect.NoError(t, os.WriteFile(path, []byte(text), 0o666))
		s, err := OpenSeveral(path)
		expect.NoError(t, err)
		var got []string
		for _, split := range []string{Train, Test, Val} {
			items, err := s.Split(split)
			expect.NoError(t, err)
			for _, item := range items {
				got = append(got, fmt.Sprint(item.Name, s.LabelSets[item.Label]))
			}
		}
		if want := "0.png[0 2] 1.png[] 2.png[1] 3.png[2]"; strings.Join(got, " ") != want || fmt.Sprint(s.ClassNames) != "[cat cow dog]" {
			t.Errorf("%s: %q of %q", name, got, s.ClassNames)
		}
		if _, err := Open(path); err == nil {
			t.Errorf("%s: one label for each image", name)
		}
	}
	for text, want := range map[string]string{
		"0.png,a||b\n":         `line 2: "0.png" has an empty label among 3`,
		"0.png,a\n0.png,a|b\n": `line 3: "0.png" has the labels "a", "b" here and "a" in line 2: remove one of the lines`,
		"0.png,a\n1.png,\n":    `all images have the label "a": there is nothing to classify`,
		"0.png,\xff\n":         `is not UTF-8`,
	} {
		path := filepath.Join(dir, "bad.csv")
		expect.NoError(t, os.WriteFile(path, []byte("path,label\n"+text), 0o666))
		_, err := OpenSeveral(path)
		expect.Error(t, err, want)
	}
}
