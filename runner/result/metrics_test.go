package result

import (
	"path/filepath"
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

	// Resume after epoch 1: the row of the epoch that is trained again is replaced.
	r := NewMetricsLog(path, l.Rows()[:1]...)
	expect.NoError(t, r.Append(Metric{Epoch: 2, Step: 50, Rate: 1, Loss: 2}))
	wantContent(t, path, "epoch,step,lr,loss,images_per_second,seconds,val_top1\n"+
		"1,25,1e-07,2.302585092994046,101.23,7.901,\n"+
		"2,50,1,2,0.00,0.000,\n")
	expect.Error(t, r.Append(Metric{Epoch: 2}), path, "epoch 2")
}
