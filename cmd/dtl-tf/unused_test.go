package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestNothingUnused: a command line with a part that would have no effect is refused: an empty value, such as that of a variable that is
// not set, a flag that is given twice, and words after a command that takes none.
func TestNothingUnused(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"predict --backbone= photo.jpg", "--backbone is empty: give it a value or leave it out"},
		{"predict --adapter= photo.jpg", "--adapter is empty"},
		{"eval --data=x --out= ", "--out is empty"},
		{"fine-tune --data=x --memory=", "--memory is empty"},
		{"merge --adapter=a --adapter=b --out=c.npz", "--adapter is given twice, with a and with b: give it once"},
		{"fine-tune --data=a --data=b", "--data is given twice"},
		{"vtab run --data=a --out=b --set=lr=0.1 --set=epochs=5", "--set is given twice, with lr=0.1 and with epochs=5"},
		{"fine-tune --data=a --overwrite --overwrite=false", "--overwrite is given twice, with true and with false"},
		{"fine-tune --data=a --out=x --seed=042", "--seed 042 begins with 0, which would make it an octal number"},
		{"vtab run --data=a --out=x --checkpoint-every=010", "--checkpoint-every 010 begins with 0"},
		{"fine-tune --data=a --out=x --feature-cache=off --cache-precision=bf16", "--cache-precision bf16 has no effect with --feature-cache off"},
		{"plan --data=a --feature-cache=off --cache-precision=bf16", "--cache-precision bf16 has no effect with --feature-cache off"},
		{"fewshot run --data=a --out=x --select=last --select-every=5", "--select-every 5 has no effect with --select last"},
		{"serve --adapter=a --watch-every=5s", "--watch-every 5s has no effect without --watch"},
		{"serve --adapter=a --insecure --token-file=x", "--insecure and --token-file contradict each other"},
		{"compare --tasks=1 --fresh", "--tasks and --fresh contradict each other"},
		{"compare --tasks=1 --out=x", "--tasks and --out contradict each other"},
		{"compare --tasks=1 --recompute=blocks", "--tasks and --recompute contradict each other"},
		{"report --data=nowhere runs/x", "--data: stat nowhere"},
		{"backbone inspect ", "argument 1 is empty"},
		{"predict photo.jpg ", "argument 2 is empty"},
		{"help fine-tune more", `"more"`},
		{"help vtab run more", `"more"`},
		{"--version more", `"more"`},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), strings.Split(c.line, " "), &stdout, &stderr)
		o := outcome{code, stdout.String(), stderr.String()}
		o.want(t, exitUsage, c.want)
		if o.out != "" {
			t.Errorf("%s: stdout %q", c.line, o.out)
		}
	}
}

// TestTwiceTheSame: a flag that is given twice with one value is no contradiction, and flags that take several values are none.
func TestTwiceTheSame(t *testing.T) {
	for _, line := range []string{"fine-tune -q --quiet --seed 3 --seed=3 --out x", "eval --adapter a --adapter b --split test", "domain run --target a=b --target c=d"} {
		var stdout, stderr bytes.Buffer
		run(t.Context(), strings.Split(line, " "), &stdout, &stderr)
		if o := stderr.String(); strings.Contains(o, "twice") {
			t.Errorf("%s: %s", line, o)
		}
	}
}

// TestScopeOfNothing: blocks that stochastic depth acts on, and no stochastic depth.
func TestScopeOfNothing(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	cli(t, tune(out, "--epochs", "1", "--drop-path-scope", "suffix")...).want(t, exitDone, "--drop-path-scope suffix has no effect: --drop-path is 0")
}

// full is a standard output on a full disk.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// TestFullOutput: a command whose output is lost has failed, whatever it does about errors of writing.
func TestFullOutput(t *testing.T) {
	for _, line := range []string{"version", "help", "predict --help", "completion bash", "cache list --dir none", "backbone inspect --json"} {
		var stderr bytes.Buffer
		code := run(t.Context(), strings.Fields(line), full{}, &stderr)
		outcome{code, "", stderr.String()}.want(t, exitFailed, "no space left on device")
	}
}
