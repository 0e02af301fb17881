package result

import (
	"path/filepath"
	"reflect"
	"testing"

	"dtl-tf/graph/expect"
)

func TestMetricsGolden(t *testing.T) {
	path := filepath.Join(t.TempDir(), MetricsFile)
	val := 71.5
	l := NewMetricsLog(path)
	for _, m := range []Metric{
		{1, 25, 1e-7, 2.302585092994046, 101.234, 7.9005, nil},
		{2, 50, 0.00010009, 2.25, 100, 8, &val},
	} {
		if err := l.Append(m); err != nil {
			t.Fatal(err)
		}
	}
	wantContent(t, path, "epoch,step,lr,loss,images_per_second,seconds,val_top1\n"+
		"1,25,1e-07,2.302585092994046,101.23,7.901,\n"+
		"2,50,0.00010009,2.25,100.00,8.000,71.5\n")

	got, err := ReadMetrics(path)
	if err != nil {
		t.Fatal(err)
	}
	want := l.Rows()
	want[0].ImagesPerSecond, want[0].Seconds = 101.23, 7.901
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}

	// Resume after epoch 1: the line of the epoch that is trained again is replaced.
	r := NewMetricsLog(path, got[:1]...)
	if err := r.Append(Metric{Epoch: 2, Step: 50, Rate: 1, Loss: 2}); err != nil {
		t.Fatal(err)
	}
	again, err := ReadMetrics(path)
	if err != nil || len(again) != 2 || again[0].Loss != want[0].Loss || again[1].Loss != 2 {
		t.Errorf("%+v, %v", again, err)
	}
	expect.Error(t, r.Append(Metric{Epoch: 2}), path, "epoch 2")
}

func TestReadMetricsErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), MetricsFile)
	head := "epoch,step,lr,loss,images_per_second,seconds,val_top1\n"
	for name, c := range map[string]struct {
		content string
		words   []string
	}{
		"empty":   {"", []string{"empty"}},
		"columns": {"epoch,step,rate,loss,images_per_second,seconds,val_top1\n", []string{"columns", "rate"}},
		"short":   {head + "1,2,3\n", []string{"line 2"}},
		"number":  {head + "1,25,1e-3,2,3,4,\n2,x,1e-3,2,3,4,\n", []string{"line 3", "step", "x"}},
		"loss":    {head + "1,25,1e-3,many,3,4,\n", []string{"line 2", "loss"}},
		"val":     {head + "1,25,1e-3,2,3,4,?\n", []string{"line 2", "val_top1"}},
		"cut off": {head + "1,25,1e-3,2", []string{"line 2"}},
	} {
		writeString(t, path, c.content)
		if _, err := ReadMetrics(path); err == nil {
			t.Errorf("%s: accepted", name)
		} else {
			expect.Error(t, err, append(c.words, path)...)
		}
	}
	_, err := ReadMetrics(path + ".none")
	expect.Error(t, err, path+".none")
}
