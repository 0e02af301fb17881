package main

import (
	"errors"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"dtl-tf/graph/spell"
)

// This file guesses what a user meant who typed a name that the program does not have, often that of another program.

// otherNames are names of flags in other training programs, by the name that the flag has here.
var otherNames = map[string][]string{
	"adapter":     {"checkpoint", "ckpt", "weights"},
	"backbone":    {"model", "model-name", "model-name-or-path", "arch", "pretrained"},
	"batch":       {"bs", "per-device-train-batch-size"},
	"data":        {"dataset", "dataset-name", "root"},
	"devices":     {"gpus", "device"},
	"epochs":      {"num-epochs", "num-train-epochs"},
	"image-size":  {"img-size", "input-size", "resolution", "imgsz"},
	"lr":          {"learning-rate"},
	"micro-batch": {"gradient-accumulation-steps", "grad-accum-steps", "accum-iter"},
	"out":         {"output", "output-dir", "save-dir", "outdir"},
	"precision":   {"amp", "bf16", "fp16", "dtype"},
	"rank":        {"lora-r", "lora-rank"},
	"resume":      {"resume-from-checkpoint"},
	"val":         {"val-split", "validation-split", "val-ratio"},
}

// maxTypos is how far a misspelt name may be from the one that was meant.
const maxTypos = 2

// meantFlag ends the error about an unknown flag: the flag that was probably meant, "" if none is likely.
func meantFlag(err error, flags *pflag.FlagSet) string {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return ""
	}
	given := strings.ToLower(strings.ReplaceAll(unknown.GetSpecifiedName(), "_", "-"))
	var names []string
	flags.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	meant := ""
	for _, name := range names {
		for _, other := range otherNames[name] {
			if given == other {
				meant = name
			}
		}
	}
	if meant == "" {
		meant = likely(given, names)
	}
	if meant == "" {
		return ""
	}
	return ": did you mean --" + meant + "?"
}

// likely returns the known name that the given one misspells, or of which one is the beginning of the other; "" if there is none.
func likely(given string, names []string) string {
	if best, distance := spell.Nearest(given, names); distance <= maxTypos && len(given) > maxTypos {
		return best
	}
	best := ""
	for _, name := range names {
		if len(given) > maxTypos && len(name) > len(best) && (strings.HasPrefix(given, name) || strings.HasPrefix(name, given)) {
			best = name
		}
	}
	return best
}

// meantPath ends the error about an unexpected argument: a path that exists is probably the data.
func meantPath(path string, flags *pflag.FlagSet) string {
	if _, err := os.Stat(path); err != nil || flags.Lookup("data") == nil {
		return ""
	}
	return ": did you mean --data " + spell.Shell(path) + "?"
}

// meantCommand is the command that an unknown word probably means, "" if none is likely.
func meantCommand(word string, names []string) string {
	switch word {
	case "train", "fit", "tune":
		return fineTuneCommand.name
	case "infer", "inference", "classify":
		return predictCommand.name
	case "evaluate", "test", "validate":
		return evalCommand.name
	}
	return likely(word, names)
}
