package data

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

// withTable writes a table beside the files that these tests name, and returns its path.
func withTable(t testing.TB, name, content string) string {
	t.Helper()
	files := map[string]string{name: content}
	for _, image := range []string{"a.jpg", "b.jpg", "sub/c.jpg", "one, two.jpg", "odd\xff.jpg", "d.jpg"} {
		files[image] = image
	}
	return filepath.Join(tree(t, files), name)
}

// TestTables: what is read of tables in all their forms, as "NAME CLASS SPLIT" of each image.
func TestTables(t *testing.T) {
	for _, c := range []struct {
		name, file, content string
		want                []string
		classes             []string
		notes               []string
	}{
		{name: "plain", file: "l.csv", content: "path,label\na.jpg,dog\nb.jpg,cat\n", want: []string{"a.jpg dog train", "b.jpg cat train"}, classes: []string{"cat", "dog"}},
		{
			name: "byte order mark, CRLF, quotes, commas and blanks", file: "l.csv",
			content: "\ufeffpath,label\r\n\"one, two.jpg\",\"a \"\"b\"\"\"\r\n\r\nsub/c.jpg, cat \r\n",
			want:    []string{"one, two.jpg a \"b\" train", "sub/c.jpg cat train"}, classes: []string{"a \"b\"", "cat"},
		},
		{
			name: "splits and another order of columns", file: "l.CSV", content: "Split,Label,Path\ntrain,x,a.jpg\nvalid,y,b.jpg\ntest,x,d.jpg",
			want: []string{"a.jpg x train", "b.jpg y val", "d.jpg x test"}, classes: []string{"x", "y"},
		},
		{name: "semicolons", file: "l.csv", content: "file;class\none, two.jpg;x\nb.jpg;y\n", want: []string{"one, two.jpg x train", "b.jpg y train"}, classes: []string{"x", "y"}},
		{name: "tabs", file: "l.tsv", content: "image\tlabels\na.jpg\tx\nb.jpg\ty\n", want: []string{"a.jpg x train", "b.jpg y train"}, classes: []string{"x", "y"}},
		{
			name: "tabs, and a comma in the name of another column", file: "l.tsv", content: "\r\npath\tlabel\tname; popular, Latin\r\na.jpg\tx\t1;2\r\nb.jpg\ty, z\t3,4\r\n",
			want: []string{"a.jpg x train", "b.jpg y, z train"}, classes: []string{"x", "y, z"}, notes: []string{"not used, columns of FILE: 1 (name; popular, Latin)"},
		},
		{
			name: "semicolons, and a quoted comma in the header", file: "l.csv", content: "path;label;\"a, b\"\na.jpg;x;1\nb.jpg;y;2\n",
			want: []string{"a.jpg x train", "b.jpg y train"}, classes: []string{"x", "y"}, notes: []string{"not used, columns of FILE: 1 (a, b)"},
		},
		{name: "the column of an imagefolder of Hugging Face", file: "metadata.jsonl", content: `{"file_name": "a.jpg", "label": "x"}` + "\n" + `{"file_name": "b.jpg", "label": "y"}`, want: []string{"a.jpg x train", "b.jpg y train"}, classes: []string{"x", "y"}},
		{
			name: "large numbers by value", file: "l.csv", content: "path,label\na.jpg,9223372036854775807\nb.jpg,-9223372036854775808\nd.jpg,0\n",
			want: []string{"a.jpg 9223372036854775807 train", "b.jpg -9223372036854775808 train", "d.jpg 0 train"}, classes: []string{"-9223372036854775808", "0", "9223372036854775807"},
		},
		{name: "numbers by value", file: "l.csv", content: "path,label\na.jpg,10\nb.jpg,9\nd.jpg,1\n", want: []string{"a.jpg 10 train", "b.jpg 9 train", "d.jpg 1 train"}, classes: []string{"1", "9", "10"}},
		{name: "a name that is not UTF-8", file: "l.csv", content: "path,label\nodd\xff.jpg,x\nb.jpg,y\n", want: []string{"odd\xff.jpg x train", "b.jpg y train"}, classes: []string{"x", "y"}},
		{
			name: "other columns and repeated lines", file: "l.csv", content: "path,label,width\na.jpg,x,3\nb.jpg,y,4\n./a.jpg,x,3\n", want: []string{"a.jpg x train", "b.jpg y train"}, classes: []string{"x", "y"},
			notes: []string{"not used, columns of FILE: 1 (width)", "passed over, lines of FILE that repeat an earlier one: 1 (line 4)"},
		},
		{
			name: "JSON lines", file: "l.jsonl", content: `{"path": "a.jpg", "label": "x"}` + "\r\n\n" + `{"label": ["y"], "path": "one, two.jpg", "note": 1}`,
			want: []string{"a.jpg x train", "one, two.jpg y train"}, classes: []string{"x", "y"}, notes: []string{"not used, columns of FILE: 1 (note)"},
		},
		{
			name: "JSON lines with numbers and splits", file: "l.ndjson", content: "\ufeff" + `{"path": "a.jpg", "label": 10, "split": "train"}` + "\n" + `{"path": "b.jpg", "label": 2, "split": "test"}`,
			want: []string{"a.jpg 10 train", "b.jpg 2 test"}, classes: []string{"2", "10"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := withTable(t, c.file, c.content)
			s, err := Open(file)
			expect.NoError(t, err)
			var got []string
			for _, split := range []string{Train, Val, Test} {
				for _, item := range s.splits[split] {
					got = append(got, fmt.Sprintf("%s %s %s", item.Name, s.ClassName(item.Label), split))
					if item.Path != filepath.Join(filepath.Dir(file), item.Name) {
						t.Errorf("%s has the path %s", item.Name, item.Path)
					}
				}
			}
			if !slices.Equal(got, c.want) || !slices.Equal(s.ClassNames, c.classes) || s.Layout != LayoutTable || s.Classes != len(c.classes) {
				t.Errorf("got %q of %q, want %q of %q", got, s.ClassNames, c.want, c.classes)
			}
			if notes := strings.ReplaceAll(strings.Join(s.Notes, "\n"), file, "FILE"); notes != strings.Join(c.notes, "\n") {
				t.Errorf("notes %q, want %q", notes, c.notes)
			}
			if trainval, err := s.Split(TrainVal); err != nil || !slices.Equal(trainval, s.splits[Train]) {
				t.Errorf("trainval %v, %v", trainval, err)
			}
		})
	}
}

// TestTableErrors: what is wrong is said with the file and the line, and with a way out.
func TestTableErrors(t *testing.T) {
	const head = "path,label\na.jpg,x\nb.jpg,y\n"
	for _, c := range []struct{ file, content, want string }{
		{"l.csv", "a.jpg,x\nb.jpg,y\n", `line 1: want a header with the columns path and label (and split, if there are splits), and this line has "a.jpg", "x"`},
		{"l.csv", "path,path,label\n", "line 1: two columns of the header mean path: remove one"},
		{"l.csv", "", "has no images"},
		{"l.csv", "path,label\n", "has no images: want a line with path and label for each"},
		{"l.csv", head + "one, two.jpg,x\n", "line 4: it has 3 columns and the header has 2: a path or label with the separator in it needs quotation marks"},
		{"l.csv", head + "d.jpg,\"x\n", "line 4: extraneous or missing"},
		{"l.tsv", "path\tlabel\na.jpg\tx\nb.jpg\ta \"b\"\n", "line 3: bare \" in non-quoted-field: a path or label with a quotation mark in it needs quotation marks around it"},
		{"l.csv", head + "../d.jpg,x\n", `line 4: path "../d.jpg" leaves the folder of the table: want one relative to it`},
		{"l.csv", head + "/etc/passwd,x\n", `line 4: path "/etc/passwd" leaves the folder of the table`},
		{"l.csv", head + ",x\n", "line 4: the path is empty"},
		{"l.csv", head + "d.jpg, \n", `line 4: "d.jpg" has no label`},
		{"l.csv", head + "d.jpg,x|z\n", `line 4: "d.jpg" has 2 labels ("x", "z"): an image has one label, except with --loss bce`},
		{"l.csv", head + "d.jpg,caf\xe9\n", `line 4: label "caf\xe9" is not UTF-8, which result files can't hold: save the table in UTF-8`},
		{"l.csv", head + "a.jpg,y\n", `line 4: "a.jpg" has the label "y" here and "x" in line 2: remove one of them`},
		{"l.csv", "path,label,split\na.jpg,x,train\na.jpg,x,test\nb.jpg,y,train\n", `line 3: "a.jpg" is in the split test here and in train in line 2: remove one of them`},
		{"l.csv", "path,label,split\na.jpg,x,training\n", `line 2: split "training" is unknown: use train, val or test`},
		{"l.csv", "path,label\na.jpg,x\nb.jpg,x\n", `all images have the label "x": there is nothing to classify`},
		{"l.csv", head + "gone.jpg,x\n", "line 4: stat "},
		{"l.csv", head + "sub\\c.jpg,x\n", "the path has backslashes, write slashes"},
		{"l.csv", head + "sub,x\n", "line 4: "},
		{"l.csv", "\xff\xfep\x00a\x00", "is in UTF-16: save it in UTF-8"},
		{"l.jsonl", `{"path": "a.jpg", "label": "x"}` + "\n[]\n", `line 2: want an object such as {"path": "images/1.jpg", "label": "cat"}: `},
		{"l.jsonl", `{"path": "a.jpg"}`, `line 1: want the fields "path" and "label"`},
		{"l.jsonl", `{"path": "a.jpg", "label": 1.5}`, `line 1: the label "1.5" is neither a text nor a whole number`},
		{"l.jsonl", `{"path": "a.jpg", "label": null}`, `line 1: the label "null" is neither a text nor a whole number`},
		{"l.jsonl", `{"path": "a.jpg", "label": []}`, `line 1: "a.jpg" has no label`},
		{"l.jsonl", `{"path": "a.jpg", "label": ["x", "y"]}`, `line 1: "a.jpg" has 2 labels ("x", "y")`},
		{"l.jsonl", `{"path": 3, "label": "x"}`, "line 1: the path is not a text"},
		{"l.jsonl", `{"path": "a.jpg", "file": "b.jpg", "label": "x"}`, "line 1: two fields mean path: remove one"},
		{"l.jsonl", `{"path": "a.jpg", "label": "x", "label": "y"}`, `line 1: want an object such as {"path": "images/1.jpg", "label": "cat"}: the field "label" is there twice: remove one`},
		{"l.jsonl", `{"path": "a.jpg", "label": "x"} {}`, "line 1: want an object"},
		{"l.jsonl", `{"path": "a.jpg", "label": "x", "split": "train"}` + "\n" + `{"path": "b.jpg", "label": "y"}`, "line 2: either all lines have a split, or none"},
		{"l.jsonl", "{\"path\": \"odd\xff.jpg\", \"label\": \"x\"}", "line 1: it is not UTF-8"},
		{"l.jsonl", `{"path": "a.jpg", "label": "` + strings.Repeat("x", 1<<17) + `"}`, "line 1: the line has "},
	} {
		file := withTable(t, c.file, c.content)
		_, err := Open(file)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), file) {
			t.Errorf("%.60q: error %v, want one of %s with %q", c.content, err, file, c.want)
		}
	}
	file := withTable(t, "l.csv", head)
	if _, err := OpenClasses(file, 3); err == nil || !strings.Contains(err.Error(), "has 2 different labels, 3 classes are wanted") {
		t.Errorf("3 classes: %v", err)
	}
	file = filepath.Join(tree(t, map[string]string{"l.xlsx": ""}), "l.xlsx")
	if _, err := Open(file); err == nil || !strings.Contains(err.Error(), "or a table of paths and labels (.csv, .tsv, .jsonl)") {
		t.Errorf("another file: %v", err)
	}
}

// TestTableFaults: every fault of a table is found, not only the first.
func TestTableFaults(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		want    []string
	}{
		"l.csv": {
			"path,label\na.jpg,x\n../d.jpg,y\nb.jpg,y,z\na.jpg,y\ngone.jpg,x\nd.jpg,\n",
			[]string{"line 3: path ", "line 4: it has 3 columns", "line 7: \"d.jpg\" has no label", "line 5: \"a.jpg\" has the label \"y\" here", "line 6: stat "},
		},
		"l.jsonl": {
			`{"path": "a.jpg", "label": "x"}` + "\n[]\n" + `{"path": "b.jpg", "label": 1.5}`, []string{"line 2: want an object", "line 3: the label"},
		},
		"m.csv": {"a.jpg,x\n", []string{"line 1: want a header"}},
		"r.csv": {"path,label\na.jpg,x\nb.jpg,y\n", nil},
	} {
		file := withTable(t, name, c.content)
		got := TableFaults(file)
		if len(got) != len(c.want) {
			t.Errorf("%s: %d faults, want %d: %v", name, len(got), len(c.want), got)
			continue
		}
		for i, want := range c.want {
			if !strings.HasPrefix(got[i].Error(), file+" "+want) {
				t.Errorf("%s: %v, want %q", name, got[i], want)
			}
		}
	}
}

// FuzzTable: what a table says never leaves its folder.
func FuzzTable(f *testing.F) {
	f.Add([]byte("path,label,split\n\"a, b.jpg\",x,train\r\nc.jpg,y,test\n"), false)
	f.Add([]byte("path;label\n../a.jpg;x|y\n"), false)
	f.Add([]byte(`{"path": "a.jpg", "label": ["x"]}`+"\n"+`{"path": "b/../../c", "label": 3}`), true)
	f.Fuzz(func(t *testing.T, content []byte, asJSON bool) {
		name := "l.csv"
		if asJSON {
			name = "l.jsonl"
		}
		table, err := parseTable(&table{file: name}, content)
		if err != nil {
			if len(err.Error()) > 1500 {
				t.Errorf("the error has %d characters", len(err.Error()))
			}
			return
		}
		for _, r := range table.rows {
			if !filepath.IsLocal(r.path) || r.label == "" || r.line < 1 {
				t.Errorf("%+v", r)
			}
		}
	})
}
