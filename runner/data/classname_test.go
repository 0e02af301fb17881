package data

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestClassNames: a name that JSON can't hold is refused, one that lacks its counterpart is told what it may be.
func TestClassNames(t *testing.T) {
	root := tree(t, map[string]string{"train/a/1.png": ""})
	if err := checkClassNames(root, []string{"a", "\xff"}); err == nil || !strings.Contains(err.Error(), strconv.Quote(filepath.Join(root, "\xff"))) {
		t.Errorf("error %v", err)
	}
	for _, c := range []struct{ train, test, want string }{
		{"damson", "Damson", `did you mean "damson", which differs in case`},
		{"\u00e9", "e\u0301", `did you mean "\u00e9", which differs in case or in how its letters are composed?`},
		{"banana", "bananna", "did you mean banana?"},
	} {
		_, err := Open(tree(t, map[string]string{"train/" + c.train + "/1.png": "", "test/" + c.test + "/1.png": ""}))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+q beside %+q: error %v", c.test, c.train, err)
		}
	}
	if got := SimilarClass(": ", "cat", []string{"dog", "horse"}); got != "" {
		t.Errorf("cat is said to be near: %s", got)
	}
}
