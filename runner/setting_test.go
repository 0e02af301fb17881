package runner

import (
	"errors"
	"math"
	"testing"

	"dtl-tf/graph/expect"
)

// TestCheck: a value is accepted within its limits only, and the error names flag, value and limits.
func TestCheck(t *testing.T) {
	rate, batch, epochs, schedule := 0.0, 0, 0, ""
	settings := []Setting{
		{Name: "lr", Value: &rate, Max: 1e3},
		{Name: "batch", Value: &batch, Min: 1, Max: 1e6},
		{Name: "epochs", Value: &epochs}, // no limits
		{Name: "schedule", Value: &schedule, OneOf: []string{"cosine", "constant"}},
	}
	for _, c := range []struct {
		rate     float64
		batch    int
		schedule string
		want     string // in the error, "" for none
	}{
		{1e3, 1, "cosine", ""},
		{math.SmallestNonzeroFloat64, 1e6, "constant", ""},
		{-0.5, 1, "cosine", "--lr -0.5 is not possible: it must be at least 0 and at most 1000"},
		{math.NaN(), 1, "cosine", "--lr NaN is not possible"},
		{math.Inf(1), 1, "cosine", "--lr +Inf is not possible"},
		{1, 0, "cosine", "--batch 0 is not possible: it must be at least 1 and at most 1000000"},
		{1, 1e6 + 1, "cosine", "--batch 1000001 is not possible"},
		{1, 1, "linear", `--schedule "linear" is unknown: use one of cosine, constant`},
		{1, 1, "", `--schedule "" is unknown`},
	} {
		rate, batch, epochs, schedule = c.rate, c.batch, -5, c.schedule
		err := Check(settings)
		if c.want == "" {
			expect.NoError(t, err)
			continue
		}
		expect.Error(t, err, c.want)
		var usage *UsageError
		if !errors.As(err, &usage) {
			t.Errorf("%v is no UsageError", err)
		}
	}
}
