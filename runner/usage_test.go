package runner

import (
	"errors"
	"fmt"
	"testing"

	"dtl-tf/dtl"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/spell"
)

// TestWithFlag: the flag replaces the setting's name within an error that wraps it, and other errors stay as they are.
func TestWithFlag(t *testing.T) {
	arch, err := backbone.Parse("vit_ti16")
	expect.NoError(t, err)
	_, _, err = dtl.NewMethod("dtl", dtl.Values{"rank": 0}, arch)
	expect.Error(t, err, "rank 0 is not possible")
	if got, want := WithFlag(err).Error(), "--"+err.Error(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := WithFlag(fmt.Errorf("cell: %w", WithFlag(err))).Error(), "cell: --"+err.Error(); got != want {
		t.Errorf("twice: %q, want %q", got, want)
	}

	err = fmt.Errorf("backbone x: %w", arch.With(backbone.Sizes{Image: 17}).Validate())
	expect.Error(t, err, "choose an image size that is a multiple of 16")
	expect.Error(t, WithFlag(err), "backbone x: an image of 17 pixels", "choose an --image-size that is a multiple of 16")
	err = arch.With(backbone.Sizes{Heads: 5}).Validate()
	expect.Error(t, err, "set the number of heads")
	expect.Error(t, WithFlag(err), "can't be split into 5 heads: set --heads")

	cause := errors.New("no attention")
	if err := WithFlag(spell.Settingf("method", "%s lora is not possible: %w", cause)); !errors.Is(err, cause) || err.Error() != "--method lora is not possible: no attention" {
		t.Errorf("%v", err)
	}
	if WithFlag(cause) != cause || WithFlag(nil) != nil {
		t.Error("an error without a setting changed")
	}
}
