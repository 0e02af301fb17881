package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"dtl-tf/runner/result"
	"dtl-tf/runner/train"
)

func render(t *testing.T, table Table, format string) string {
	t.Helper()
	var b bytes.Buffer
	if err := table.Render(&b, format); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func same(t *testing.T, got, want string) {
	t.Helper()
	if strings.TrimPrefix(want, "\n") != got {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func small() Table {
	return Table{
		Columns: []Column{
			{Key: "name", Title: "name"},
			{Key: "count", Title: "number\nof them", Right: true, Text: Thousands},
			{Key: "share", Title: "share", Right: true, Text: Fixed(1)},
		},
		Rows: [][]any{{`a|b, "c"`, 36864, 12.345}, {"été", 7, nil}},
		Note: "A note.",
	}
}

func TestTableFormats(t *testing.T) {
	same(t, render(t, small(), Text), `
╭──────────────────────────╮
│ name       number  share │
│           of them        │
├──────────────────────────┤
│ a|b, "c"   36,864   12.3 │
│ été             7        │
╰──────────────────────────╯
A note.
`)
	same(t, render(t, small(), Markdown), `
| name      | number of them | share |
|:----------|---------------:|------:|
| a\|b, "c" |         36,864 |  12.3 |
| été       |              7 |       |

A note.
`)
	same(t, render(t, small(), CSV), `
name,count,share
"a|b, ""c""",36864,12.345
été,7,
`)
	same(t, render(t, small(), JSON), `
[
  {
    "name": "a|b, \"c\"",
    "count": 36864,
    "share": 12.345
  },
  {
    "name": "été",
    "count": 7,
    "share": null
  }
]
`)
	none := small()
	none.Rows = nil
	same(t, render(t, none, JSON), "[]\n")
	same(t, render(t, none, CSV), "name,count,share\n")
}

// TestTableParses reads CSV and JSON back with the standard library.
func TestTableParses(t *testing.T) {
	rows, err := csv.NewReader(strings.NewReader(render(t, small(), CSV))).ReadAll()
	if err != nil || !reflect.DeepEqual(rows[1], []string{`a|b, "c"`, "36864", "12.345"}) {
		t.Errorf("%q, %v", rows, err)
	}
	var v []map[string]any
	if err := json.Unmarshal([]byte(render(t, small(), JSON)), &v); err != nil {
		t.Fatal(err)
	}
	if v[0]["name"] != `a|b, "c"` || v[1]["share"] != nil || v[0]["count"] != 36864.0 {
		t.Errorf("%v", v)
	}
}

func TestTableErrors(t *testing.T) {
	err := small().Render(&bytes.Buffer{}, "html")
	if err == nil || !strings.Contains(err.Error(), `"html"`) || !strings.Contains(err.Error(), "table, markdown, csv, json") {
		t.Errorf("unknown format: %v", err)
	}
	bad := small()
	bad.Rows[1] = bad.Rows[1][:2]
	if err := bad.Render(&bytes.Buffer{}, Text); err == nil || !strings.Contains(err.Error(), "row 2") {
		t.Errorf("short row: %v", err)
	}
	nan := small()
	nan.Rows[0][2] = math.NaN()
	if err := nan.Render(&bytes.Buffer{}, JSON); err == nil || !strings.Contains(err.Error(), "share") {
		t.Errorf("NaN in JSON: %v", err)
	}
}

func run(method, data, backbone string) result.Run {
	return result.Run{
		Status: result.Finished, Method: method,
		Data:       result.Data{Name: data},
		Backbone:   result.Backbone{Path: "backbones/" + backbone + ".npz"},
		Parameters: result.Parameters{Trainable: 9216, Classifier: 1930},
		Measurements: result.Measurements{
			SecondsPerStep: &train.Timing{Median: 0.34567}, ImagesPerSecond: 91.256,
		},
		Accuracy: &result.Accuracy{Top1: 93.456, Images: 5400},
	}
}

func TestRunsText(t *testing.T) {
	linear := run("linear", "eurosat", "vit_tiny_patch16_224")
	linear.Parameters.Trainable = 0
	var b bytes.Buffer
	if err := Runs(&b, Text, run("dtl", "eurosat", "vit_tiny_patch16_224"), linear); err != nil {
		t.Fatal(err)
	}
	same(t, b.String(), `
╭───────────────────────────────────────────────────────────────────────────────────────────────╮
│ method  data set  backbone               trainable  classifier  top-1  images  s/step  images │
│                                         parameters                  %  tested              /s │
├───────────────────────────────────────────────────────────────────────────────────────────────┤
│ dtl     eurosat   vit_tiny_patch16_224       9,216       1,930  93.46   5,400   0.346    91.3 │
│ linear  eurosat   vit_tiny_patch16_224           0       1,930  93.46   5,400   0.346    91.3 │
╰───────────────────────────────────────────────────────────────────────────────────────────────╯
Trainable parameters: without the classifier, as the literature counts them.
`)
}

// TestRunsWidth: lines fit 100 columns, whatever the names.
func TestRunsWidth(t *testing.T) {
	full := run("adaptformer", "diabetic_retinopathy", "vit_base_patch16_224_in21k_augreg")
	full.Parameters.Trainable = 85798656
	full.Status, full.Accuracy = result.Interrupted, nil
	for _, runs := range [][]result.Run{
		{run("dtl", "eurosat", "vit_tiny_patch16_224")},
		{full, run("dtl+", "digits", "default")},
		{{Status: result.Failed}},
	} {
		var b bytes.Buffer
		if err := Runs(&b, Text, runs...); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 100 {
				t.Errorf("a line takes %d columns:\n%s", n, b.String())
				break
			}
		}
	}
}

func TestRunsUnfinished(t *testing.T) {
	r := run("dtl", "eurosat", "vit_tiny_patch16_224")
	r.Status, r.Accuracy = result.Interrupted, nil
	var b bytes.Buffer
	if err := Runs(&b, Markdown, r); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "Not finished: dtl on eurosat (interrupted).") {
		t.Errorf("the table does not say that the run is unfinished:\n%s", b.String())
	}
	b.Reset()
	if err := Runs(&b, CSV, r); err != nil {
		t.Fatal(err)
	}
	same(t, b.String(), `
method,data,backbone,trainable_without_classifier,classifier,top1,images,seconds_per_step,images_per_second,status
dtl,eurosat,backbones/vit_tiny_patch16_224.npz,9216,1930,,,0.34567,91.256,interrupted
`)
}

func TestNumbers(t *testing.T) {
	for in, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 36864: "36,864", 85798656: "85,798,656", -1234: "-1,234", -123: "-123"} {
		if got := Thousands(in); got != want {
			t.Errorf("Thousands(%d) is %s, want %s", in, got, want)
		}
	}
	for in, want := range map[float64]string{
		0: "0", 0.0001234: "0.000123", 0.012345: "0.0123", 0.0099: "0.00990", 0.09994: "0.0999", 0.09996: "0.100", 0.9996: "1.00",
		1.234: "1.23", 9.96: "9.96", 9.996: "10.0", 12.34: "12.3", 99.96: "100", 123.4: "123", 1234.5: "1234", 0.001234: "0.00123",
	} {
		if got := Significant(in); got != want {
			t.Errorf("Significant(%v) is %s, want %s", in, got, want)
		}
	}
	if got := shorten("vit_tiny_patch16_224", 15); got != "vit_tin…h16_224" {
		t.Errorf("shortened to %s", got)
	}
}
