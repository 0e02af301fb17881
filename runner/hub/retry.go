package hub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dtl-tf/runner/report"
)

const (
	maxTries = 5 // in a row, without progress
	// progressBytes is what a download must have received for its failures to be counted anew.
	progressBytes = 1 << 20
	firstWait     = time.Second     // doubles with each try
	maxWait       = 5 * time.Minute // that a server may ask for
)

// clock tells the time and lets it pass. Tests have their own.
type clock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error
}

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

func (wallClock) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// transient is an error that another try may not have.
type transient struct {
	error
	wait     time.Duration // that the server asks for, 0 if it does not
	progress bool          // the try has received a part
}

func (t *transient) Unwrap() error { return t.error }

// retry calls attempt until it succeeds, fails for good, or has failed h.tries times in a row without progress.
func (h *Hub) retry(ctx context.Context, attempt func() error) error {
	for tries := 1; ; tries++ {
		err := attempt()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted: %w", ctx.Err())
		}
		var t *transient
		if !errors.As(err, &t) {
			return err
		}
		if t.progress {
			tries = 1
		}
		if t.wait > maxWait {
			return fmt.Errorf("%w: it asks to wait for %s", err, report.Duration(t.wait))
		}
		if tries >= h.tries {
			if tries > 1 {
				err = fmt.Errorf("%w (tried %d times)", err, tries)
			}
			return err
		}
		wait := max(t.wait, firstWait<<(tries-1))
		h.Note("%v; trying again in %s", err, report.Duration(wait))
		if err := h.clock.Sleep(ctx, wait); err != nil {
			return fmt.Errorf("interrupted: %w", err)
		}
	}
}
