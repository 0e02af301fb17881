package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// completedBy runs shell code after the script of a shell and returns the words that it prints.
func completedBy(t *testing.T, shell, script, code string) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script")
	write(t, path, []byte(script))
	args := map[string][]string{
		"bash": {"--norc", "-c", "source " + path + "\n" + code}, "fish": {"--no-config", "-c", "source " + path + "\n" + code},
		"zsh": {"-f", "-c", "autoload -Uz compinit; compinit -D -u; source " + path + "\n" + code},
	}[shell]
	command := exec.Command(shell, args...)
	command.Dir = t.TempDir()
	write(t, filepath.Join(command.Dir, "a file.npz"), nil)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", shell, err, out)
	}
	return slices.DeleteFunc(strings.Split(string(out), "\n"), func(line string) bool { return line == "" })
}

// bashReplies completes lines of words separated by spaces and returns the replies to each. The last word is completed.
func bashReplies(t *testing.T, lines ...string) [][]string {
	t.Helper()
	var code strings.Builder
	for _, line := range lines {
		words := strings.Split(line, " ")
		fmt.Fprintf(&code, "COMP_WORDS=('%s'); COMP_CWORD=%d; _dtl_tf; printf '%%s\\n' \"${COMPREPLY[@]}\" .\n", strings.Join(words, "' '"), len(words)-1)
	}
	var all [][]string
	var one []string
	for _, word := range completedBy(t, "bash", cli(t, "completion", "bash").out, code.String()) {
		if word == "." {
			all, one = append(all, one), nil
			continue
		}
		one = append(one, word)
	}
	if len(all) != len(lines) {
		t.Fatalf("%d replies to %d lines", len(all), len(lines))
	}
	return all
}

// TestCompletionBash: bash completes commands, flags, the values of flags and files.
func TestCompletionBash(t *testing.T) {
	cases := map[string]string{
		"dtl-tf fine":                            "fine-tune",
		"dtl-tf vtab ":                           "run search table check",
		"dtl-tf help fi":                         "fine-tune",
		"dtl-tf fine-tune --rec":                 "--recompute",
		"dtl-tf fine-tune --recompute ":          "none activations blocks gelu2bit",
		"dtl-tf fine-tune --recompute = b":       "blocks",
		"dtl-tf fine-tune --recompute =":         "none activations blocks gelu2bit",
		"dtl-tf fine-tune --recompute=b":         "--recompute=blocks",
		"dtl-tf fine-tune --data x --precision ": "fp32 bf16 fp16",
		"dtl-tf fine-tune --method dtl":          "dtl dtl+",
		"dtl-tf compare --precision f":           "fp32 fp16",
		"dtl-tf vtab run --methods dtl,lo":       "dtl,lora",
		"dtl-tf vtab table --format l":           "latex",
		"dtl-tf export --format ":                "savedmodel onnx",
		"dtl-tf eval --split tr":                 "train trainval",
		"dtl-tf fine-tune --feature-cache ":      "auto off|a file.npz",
		"dtl-tf fine-tune --backbone a":          "a file.npz",
		"dtl-tf predict a":                       "a file.npz",
		"dtl-tf fine-tune --epochs ":             "",
		"dtl-tf fine-tune ":                      "",
		"dtl-tf completion ":                     "bash zsh fish",
		"dtl-tf nothing ":                        "",
	}
	var lines []string
	for line := range cases {
		lines = append(lines, line)
	}
	for i, got := range bashReplies(t, lines...) {
		words, files, _ := strings.Cut(cases[lines[i]], "|")
		want := strings.Fields(words)
		if strings.Contains(words, ".npz") {
			want = []string{words}
		}
		if files != "" {
			want = append(want, files)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", lines[i], got, want)
		}
	}
}

// TestCompletionWhole: bash completes every command, every flag of it, and every value that a setting names.
func TestCompletionWhole(t *testing.T) {
	var lines []string
	var wants [][]string
	for _, c := range commands() {
		words := strings.Fields(c.name)
		lines, wants = append(lines, "dtl-tf "+strings.Join(append(words[:len(words)-1:len(words)-1], ""), " ")), append(wants, words[len(words)-1:])
		g := newGroups(c.name)
		c.flags(g)
		var flags []string
		g.all.VisitAll(func(f *pflag.Flag) {
			flags = append(flags, "--"+f.Name)
			if texts := f.Annotations[annotationAccepts]; texts != nil {
				lines, wants = append(lines, "dtl-tf "+c.name+" --"+f.Name+" "), append(wants, texts)
			}
		})
		lines, wants = append(lines, "dtl-tf "+c.name+" --"), append(wants, flags)
	}
	for i, got := range bashReplies(t, lines...) {
		for _, word := range wants[i] {
			if !slices.Contains(got, word) {
				t.Errorf("%q: %q lacks %s", lines[i], got, word)
			}
		}
	}
	if len(lines) < 60 {
		t.Errorf("%d lines", len(lines))
	}
}

// TestCompletionOthers: zsh and fish complete the same. Without these shells, bash reads zsh's script, whose syntax it knows, and of
// fish's the quotes are checked.
func TestCompletionOthers(t *testing.T) {
	zsh, fish := cli(t, "completion", "zsh").out, cli(t, "completion", "fish").out
	path := filepath.Join(t.TempDir(), "zsh")
	write(t, path, []byte(zsh))
	if out, err := exec.Command("bash", "-n", path).CombinedOutput(); err != nil {
		t.Errorf("zsh's script: %v\n%s", err, out)
	}
	for line := range strings.Lines(fish) {
		if strings.Count(line, "'")%2 != 0 || strings.Contains(line, "$(") {
			t.Errorf("fish's script: %s", line)
		}
	}
	if _, err := exec.LookPath("zsh"); err == nil {
		got := completedBy(t, "zsh", zsh, `compadd() { shift; print -l -- "$@" }; compset() { return 0 }; _files() { print files "$@" }
words=(dtl-tf fine-tune --recompute ""); CURRENT=4; _dtl_tf
words=(dtl-tf vtab run --precision=b); CURRENT=4; _dtl_tf
words=(dtl-tf fine-tune --out ""); CURRENT=4; _dtl_tf`)
		if want := strings.Fields("none activations blocks gelu2bit fp32 bf16 fp16"); !slices.Equal(got[:7], want) || got[7] != "files -/" {
			t.Errorf("zsh: %q", got)
		}
	}
	if _, err := exec.LookPath("fish"); err == nil {
		got := completedBy(t, "fish", fish, `complete -C 'dtl-tf fine-tune --recompute '
complete -C 'dtl-tf vtab s'
complete -C 'dtl-tf fine-tune --backbone a'`)
		var words []string
		for _, line := range got {
			word, _, _ := strings.Cut(line, "\t")
			words = append(words, word)
		}
		if want := []string{"activations", "blocks", "gelu2bit", "none", "search", "a file.npz"}; !slices.Equal(words, want) {
			t.Errorf("fish: %q, want %q", words, want)
		}
	}
}

// TestCompletionRefused: one shell must be named.
func TestCompletionRefused(t *testing.T) {
	cli(t, "completion").want(t, exitUsage, "completion: name one shell: bash, zsh or fish")
	o := cli(t, "completion", "tcsh")
	o.want(t, exitUsage, "tcsh")
}
