package finetune

import (
	"fmt"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

// TestUsualRate: a run without a learning rate takes the method's usual one, notes it, and records it as if it had been given.
func TestUsualRate(t *testing.T) {
	for method, want := range map[string]float64{"linear": 0.001, "full": 5e-5} {
		c := smallRun(t)
		c.Method, c.LearningRate, c.Epochs = method, 0, 1
		noted := ""
		p, err := newPlan(t.Context(), c, "test", func(format string, args ...any) { noted += fmt.Sprintf(format, args...) + "\n" })
		expect.NoError(t, err)
		p.data.close()
		if p.config.LearningRate != want || !strings.Contains(noted, fmt.Sprintf("--lr %v: ", want)) {
			t.Errorf("%s: rate %v, want %v; noted %q", method, p.config.LearningRate, want, noted)
		}
	}
}

// TestOwnRate: the rates of DTL on the user's own data, at the steps of the searches in docs/training.md and beyond its ends.
func TestOwnRate(t *testing.T) {
	for steps, want := range map[int]float64{0: 0.01, 25: 0.01, 175: 0.009, 225: 0.007, 375: 0.004, 800: 0.002, 100_000: 0.002} {
		if got := ownRate(steps); got != want {
			t.Errorf("%d steps: %v, want %v", steps, got, want)
		}
	}
}
