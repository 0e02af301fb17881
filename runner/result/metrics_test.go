package result

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"dtl-tf/graph/expect"
)

func TestMetricsGolden(t *testing.T) {
	path := filepath.Join(t.TempDir(), MetricsFile)
	var rows []Metric
	for _, m := range []Metric{
		{Epoch: 1, Step: 25, Rate: 1e-7, Loss: 2.302585092994046, ImagesPerSecond: 101.234, Seconds: 7.9005},
		{Epoch: 2, Step: 50, Rate: 0.00010009, Loss: 2.25, ImagesPerSecond: 100, Seconds: 8},
	} {
		var err error
		if rows, err = AppendMetric(path, rows, m); err != nil {
			t.Fatal(err)
		}
	}
	wantContent(t, path, "epoch,step,lr,loss,images_per_second,seconds\n"+
		"1,25,1e-07,2.302585092994046,101.23,7.901\n"+
		"2,50,0.00010009,2.25,100.00,8.000\n")

	// Resume after epoch 1: the row of the epoch that is trained again is replaced.
	resumed, err := AppendMetric(path, rows[:1], Metric{Epoch: 2, Step: 50, Rate: 1, Loss: 2})
	expect.NoError(t, err)
	if rows[1].Loss != 2.25 {
		t.Error("the rows before the resume have changed")
	}
	wantContent(t, path, "epoch,step,lr,loss,images_per_second,seconds\n"+
		"1,25,1e-07,2.302585092994046,101.23,7.901\n"+
		"2,50,1,2,0.00,0.000\n")
	kept, err := AppendMetric(path, resumed, Metric{Epoch: 2})
	expect.Error(t, err, path, "epoch 2")
	if len(kept) != 2 {
		t.Errorf("%d rows after an error", len(kept))
	}
}

// TestMetricsLooks: accuracy and loss on the validation images have columns once an epoch has them.
func TestMetricsLooks(t *testing.T) {
	path := filepath.Join(t.TempDir(), MetricsFile)
	top1, loss := 100.0/3, 0.5
	rows, err := AppendMetric(path, []Metric{{Epoch: 1, Step: 2, Rate: 1, Loss: 3}}, Metric{Epoch: 2, Step: 4, Rate: 1, Loss: 2, ValTop1: &top1, ValLoss: &loss})
	expect.NoError(t, err)
	wantContent(t, path, "epoch,step,lr,loss,images_per_second,seconds,val_top1,val_loss\n"+
		"1,2,1,3,0.00,0.000,,\n"+
		"2,4,1,2,0.00,0.000,33.333333333333336,0.5\n")
	text, err := json.Marshal(rows)
	expect.NoError(t, err)
	var again []Metric
	expect.NoError(t, json.Unmarshal(text, &again))
	if again[0].ValTop1 != nil || *again[1].ValTop1 != top1 || *again[1].ValLoss != loss {
		t.Errorf("read again: %s", text)
	}
}

// TestEarlierMetrics: earlier versions wrote the field of an accuracy that they never measured.
func TestEarlierMetrics(t *testing.T) {
	want := Metric{Epoch: 1, Step: 25, Rate: 1e-3, Loss: 2, ImagesPerSecond: 3, Seconds: 4}
	const fields = `"Epoch":1,"Step":25,"Rate":0.001,"Loss":2,"ImagesPerSecond":3,"Seconds":4`
	for text, ok := range map[string]bool{"{" + fields + "}": true, "{" + fields + `,"ValTop1":null}`: true, "{" + fields + `,"Other":null}`: false} {
		var m Metric
		if err := json.Unmarshal([]byte(text), &m); (err == nil) != ok || ok && m != want {
			t.Errorf("%s: %+v, %v", text, m, err)
		}
	}
	if text, err := json.Marshal(want); err != nil || string(text) != "{"+fields+"}" {
		t.Errorf("%s, %v", text, err)
	}
}
