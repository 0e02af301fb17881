package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// Annotations of flags: the texts that they accept, whether several may be given with commas.
const (
	annotationAccepts = "accepts"
	annotationList    = "list"
)

// accept says which texts a flag accepts, for completion. It does nothing if any is.
func accept(f *pflag.FlagSet, name string, texts ...string) {
	if len(texts) > 0 {
		annotate(f, name, annotationAccepts, texts)
	}
}

// acceptList is accept for a flag that takes several of the texts, separated by commas.
func acceptList(f *pflag.FlagSet, name string, texts ...string) {
	accept(f, name, texts...)
	annotate(f, name, annotationList, nil)
}

func annotate(f *pflag.FlagSet, name, key string, values []string) {
	if err := f.SetAnnotation(name, key, values); err != nil {
		panic(err.Error()) // there is no such flag
	}
}

// shells are the scripts by the name of the shell.
var shells = map[string]func(all []completed) string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}

// completionCommand is a function because its result lists all commands, itself included.
func completionCommand() command {
	return command{
		name:    "completion",
		args:    "bash|zsh|fish",
		purpose: "print a script that completes commands, flags and values in a shell",
		details: `
Bash: put  source <(dtl-tf completion bash)  into ~/.bashrc. Zsh: the same with zsh into ~/.zshrc, after compinit, or
write the script as _dtl-tf into a folder of $fpath. Fish: write it to ~/.config/fish/completions/dtl-tf.fish.`,
		examples: []string{"source <(dtl-tf completion bash)", "dtl-tf completion fish > ~/.config/fish/completions/dtl-tf.fish"},
		flags: func(*groups) func(context.Context, []string, streams) error {
			return func(_ context.Context, args []string, io streams) error {
				if len(args) != 1 {
					return usagef("name one shell: bash, zsh or fish")
				}
				script, ok := shells[args[0]]
				if !ok {
					return usagef("there is no script for the shell %q: name bash, zsh or fish", args[0])
				}
				_, err := fmt.Fprint(io.out, script(completions()))
				return err
			}
		},
	}
}

// completed is what completion knows of a command.
type completed struct {
	name    string // one word or two
	purpose string
	flags   []completedFlag
	args    completedValue
}

type completedFlag struct {
	name, short string // without dashes; short may be ""
	help        string
	takes       bool // a value, in the next word or after =
	value       completedValue
}

// completedValue is what a value may be.
type completedValue struct {
	texts          []string
	list           bool // several texts with commas
	files, folders bool // names of files, or only of folders
}

// completions lists the commands with their flags, help included.
func completions() []completed {
	var all []completed
	for _, c := range commands() {
		g := newGroups(c.name)
		c.flags(g)
		one := completed{name: c.name, purpose: c.purpose, args: valueOf(c.args, nil)}
		g.all.VisitAll(func(f *pflag.Flag) {
			placeholder, help := pflag.UnquoteUsage(f)
			flag := completedFlag{name: f.Name, short: f.Shorthand, help: firstPart(help), takes: f.NoOptDefVal == ""}
			if flag.takes {
				flag.value = valueOf(placeholder, f.Annotations)
			}
			one.flags = append(one.flags, flag)
		})
		one.flags = append(one.flags, completedFlag{name: "help", short: "h", help: "describe the command"})
		all = append(all, one)
	}
	help := completed{name: "help", purpose: "describe a command"}
	for _, c := range all {
		help.args.texts = append(help.args.texts, strings.Fields(c.name)[0])
	}
	help.args.texts = slices.Compact(help.args.texts)
	return append(all, help)
}

// valueOf reads a placeholder of help, such as file, NAME=FILE or auto|off|DIR: words in lower case between bars are texts to type. What
// the flag accepts counts more.
func valueOf(placeholder string, annotations map[string][]string) completedValue {
	_, list := annotations[annotationList]
	v := completedValue{texts: annotations[annotationAccepts], list: list}
	if v.texts != nil {
		return v
	}
	words := strings.Split(strings.TrimSuffix(placeholder, "..."), "|")
	for _, word := range words {
		switch word = strings.Trim(word, "[]"); {
		case len(words) > 1 && word == strings.ToLower(word):
			v.texts = append(v.texts, word)
		case word == "folder", word == "ROOT", word == "RESULTS", word == "RUN":
			v.folders = true
		case word == "file", word == "path", word == "IMAGE", word == "FOLDER", word == "DATA", strings.HasSuffix(word, "FILE"), strings.HasSuffix(word, "DIR"):
			v.files = true
		}
	}
	v.folders = v.folders && !v.files
	return v
}

// firstPart cuts a help text at its first colon, semicolon or bracket, without characters that shells read.
func firstPart(help string) string {
	if i := strings.IndexAny(help, ":;(,"); i > 0 {
		help = help[:i]
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if strings.ContainsRune("'\"`$\\[]", r) {
			return -1
		}
		return r
	}, help))
}

// words are the names of a flag with dashes.
func (f completedFlag) words() []string {
	words := []string{"--" + f.name}
	if f.short != "" {
		words = append(words, "-"+f.short)
	}
	return words
}

// firstWords are the words that a command line may begin with, and nexts the second words after each.
func firstWords(all []completed) (first []string, nexts map[string][]string) {
	nexts = map[string][]string{}
	for _, c := range all {
		words := strings.Fields(c.name)
		if !slices.Contains(first, words[0]) {
			first = append(first, words[0])
		}
		if len(words) > 1 {
			nexts[words[0]] = append(nexts[words[0]], words[1])
		}
	}
	return first, nexts
}
