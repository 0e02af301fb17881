package recipe

import (
	"strings"
	"testing"
)

func TestOverrides(t *testing.T) {
	options := []string{"rank", "feedback-from", "kernel"}
	o, err := ParseOverrides(" drop-path=0.2, LR=3e-3,feedback_from=4,precision=bf16,Pool=cls,epochs=5,batch=7,weight_decay=0", options)
	if err != nil {
		t.Fatal(err)
	}
	if s := o.String(); s != "lr=3e-3,weight_decay=0,drop_path=0.2,epochs=5,batch=7,precision=bf16,pool=cls,feedback-from=4" {
		t.Errorf("written as %s", s)
	}
	base := Recipe{Name: "published", LR: 1, Options: map[string]string{"rank": "2"}}
	r, err := base.With(o)
	if err != nil || r.LR != 0.003 || r.DropPath != 0.2 || r.Epochs != 5 || r.Batch != 7 || r.Options["feedback-from"] != "4" || r.Options["rank"] != "2" {
		t.Errorf("%+v, %v", r, err)
	}
	if len(base.Options) != 1 || base.LR != 1 {
		t.Errorf("the recipe itself has changed: %+v", base)
	}
	if kept := o.For([]string{"rank"}); kept["feedback-from"] != "" || kept["lr"] != "3e-3" || len(kept) != 7 {
		t.Errorf("for a method without the option: %v", kept)
	}
	if o, err := ParseOverrides(" ", options); err != nil || len(o) != 0 {
		t.Errorf("nothing: %v, %v", o, err)
	}
	for text, words := range map[string]string{
		"lr":           "NAME=VALUE",
		"lr=":          "NAME=VALUE",
		"lr=1,":        "NAME=VALUE",
		"lr=fast":      `"fast"`,
		"epochs=1.5":   `"1.5"`,
		"kernal=3":     "did you mean kernel?",
		"pool=max":     "use one of mean, cls, mean+cls",
		"precision=f8": "fp32, bf16, fp16",
		"droppath=0":   "did you mean drop_path?",
		"lr=1,lr=2":    "twice",
		"lr=1;epochs3": `"1;epochs3"`,
	} {
		if _, err := ParseOverrides(text, options); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: %v, want %q in it", text, err, words)
		}
	}
}
