package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFlagsRefused: every number out of range and every unknown choice is wrong usage. The message names what is allowed, and
// nothing is written.
func TestFlagsRefused(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	for _, c := range []struct {
		flags string // NAME VALUE, more flags after a |
		want  []string
	}{
		{"epochs 0", []string{"at least 1"}},
		{"epochs -1", nil},
		{"epochs 10000000", []string{"at most"}},
		{"epochs 1.5", []string{"1.5"}},
		{"epochs many", []string{"many"}},
		{"batch 0", []string{"at least 1"}},
		{"batch -8", nil},
		{"batch 10000000", nil},
		{"lr -1", []string{"at least 0"}},
		{"lr -0.1", nil},
		{"lr NaN", nil},
		{"lr Inf", nil},
		{"lr fast", []string{"fast"}},
		{"weight-decay -0.1", []string{"at least 0"}},
		{"weight-decay NaN", nil},
		{"weight-decay Inf", nil},
		{"drop-path -0.1", nil},
		{"drop-path 1", []string{"at most 0.999"}},
		{"drop-path NaN", nil},
		{"holdout -0.1", nil},
		{"holdout 1", []string{"at most 0.9"}},
		{"holdout NaN", nil},
		{"checkpoint-every -1", nil},
		{"threads -1", nil},
		{"threads 100000", nil},
		{"image-cache -1", nil},
		{"seed -1", nil},
		{"seed 1.5", nil},
		{"heads -1", nil},
		{"heads 5", []string{"2 heads"}},
		{"image-size -4", nil},
		{"image-size 10", []string{"multiple of 4"}},
		{"image-size 1048576", nil},
		{"mean 1,2", []string{"three"}},
		{"mean grey", []string{"grey"}},
		{"mean NaN", nil},
		{"std 0", []string{"above 0"}},
		{"std 1,1,-1", []string{"above 0"}},
		{"std NaN", nil},
		{"std Inf", nil},
		{"rank 0", []string{"1 to 16"}},
		{"rank -2", nil},
		{"rank 17", []string{"width"}},
		{"rank 1.5", []string{"whole number"}},
		{"rank two", []string{"two"}},
		{"beta 0", []string{"above 0"}},
		{"beta -1", nil},
		{"beta NaN", nil},
		{"beta Inf", nil},
		{"beta steep", []string{"steep"}},
		{"feedback-from -1", []string{"0 to 1"}},
		{"feedback-from 2", []string{"0 to 1"}},
		{"kernel 0|method dtl+", []string{"1 to 3"}},
		{"kernel 5|method dtl+", []string{"1 to 3"}},
		{"kernel 3", []string{"no meaning", "dtl"}},
		{"rank 2|method linear", []string{"no meaning", "linear"}},
		{"beta 2|method full", []string{"no meaning", "full"}},

		{"method LoRA", []string{"LoRA", "dtl, dtl+"}},
		{"method ", []string{"is empty"}},
		{"pool max", []string{"max", "mean", "cls"}},
		{"schedule step", []string{"step", "cosine, constant"}},
		{"augment mixup", []string{"mixup needs a number", "mixup=0.2"}},
		{"augment flap", []string{`"flap" is not an augmentation`, `did you mean "flip"?`, "none, flip-crop"}},
		{"augment flip,rand-m12", []string{"the magnitude m12 is out of range", "-mmax12"}},
		{"views 2", []string{"needs an --augment that changes images"}},
		{"views 2|augment flip,mixup=0.2", []string{"--views and mixup or cutmix contradict"}},
		{"views 2000|augment flip", []string{"--epochs"}},
		{"test-crop 8", []string{"needs --test-resize"}},
		{"test-resize 4", []string{"at least 8"}},
		{"test-crop 9|test-resize 10", []string{"images of 8 pixels"}},
		{"init zero", []string{"zero", "pretrained, random"}},
		{"init random", []string{"--method full"}},
		{"backbone ", []string{"is empty: give it a value or leave it out"}},
		{"backbone resnet50|init random|method full", []string{"resnet50", "vit_b16"}},
		{"backbone vit:image=9,patch=4,width=16,depth=2,heads=2,mlp=32|init random|method full", []string{"9 pixels"}},
		{"recompute all", []string{"all", "none, activations"}},
		{"cache-precision fp16", []string{"fp16", "fp32, bf16"}},
		{"drop-path-scope none", []string{"none", "all, suffix"}},
		{"feature-cache features|augment flip-crop", []string{"--augment flip-crop"}},
		{"data ", []string{"is empty"}},
		{"out ", []string{"is empty"}},
		{"overwrite true|resume true", []string{"--overwrite and --resume"}},
	} {
		t.Run(c.flags, func(t *testing.T) {
			args, flag := tune(out), ""
			for part := range strings.SplitSeq(c.flags, "|") {
				name, value, _ := strings.Cut(part, " ")
				args = append(args, "--"+name+"="+value)
				if flag == "" {
					flag = name
				}
			}
			o := cli(t, args...)
			o.want(t, exitUsage, append(c.want, "--"+flag)...)
			if o.out != "" {
				t.Errorf("stdout: %s", o.out)
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("the output folder was made")
				os.RemoveAll(out)
			}
		})
	}
}

// TestOtherUsage does the same for the remaining commands.
func TestOtherUsage(t *testing.T) {
	eval := []string{"eval", "--backbone", fixture.backbone, "--data", fixture.data}
	predict := []string{"predict", "--backbone", fixture.backbone, fixture.data}
	for _, c := range []struct {
		args []string
		want []string
	}{
		{nil, []string{"no command", "fine-tune", "doctor"}},
		{[]string{"train"}, []string{`"train"`, "did you mean fine-tune?"}},
		{[]string{"help", "train"}, []string{`"train"`, "fine-tune"}},
		{[]string{"backbone"}, []string{"backbone inspect", "backbone export"}},
		{[]string{"backbone", "delete"}, []string{"backbone inspect"}},
		{[]string{"--verbose"}, []string{"--verbose"}},
		{[]string{"fine-tune", "--learning-rate", "1"}, []string{"--learning-rate", "fine-tune --help"}},
		{[]string{"fine-tune", "--epochs"}, []string{"--epochs"}},
		{[]string{"fine-tune"}, []string{"--data is required"}},
		{[]string{"fine-tune", "--data", fixture.data, "--init", "random", "--method", "full"}, []string{"--backbone", "vit_b16", "vit:image="}},
		{tune("x", "stray"), []string{`"stray"`}},
		{append(eval, "stray"), []string{`"stray"`}},
		{[]string{"doctor", "stray"}, []string{`"stray"`}},
		{[]string{"version", "stray"}, []string{`"stray"`}},
		{[]string{"eval", "--backbone", fixture.backbone}, []string{"--data is required"}},
		{[]string{"eval", "--data", fixture.data, "--split", "dev"}, []string{`"dev"`, "trainval", "test"}}, // the built-in backbone has a head
		{[]string{"eval", "--data", fixture.data, "--split", "val"}, []string{`"val"`, "trainval", "test"}},
		{append(eval, "--batch", "0"), []string{"--batch 0"}},
		{append(eval, "--batch", "1000000000000"), []string{"--batch"}},
		{append(eval, "--threads", "-1"), []string{"--threads -1"}},
		{append(eval, "--threads", "1000000"), []string{"--threads 1000000"}},
		{append(eval, "--heads", "-1"), []string{"--heads -1"}},
		{append(eval, "--image-size", "9"), []string{"--image-size"}},
		{append(eval, "--method", "dtl"), []string{"--method", "--adapter"}},
		{append(eval, "--rank", "2"), []string{"--rank", "--adapter"}},
		{append(predict, "--batch", "-1"), []string{"--batch -1"}},
		{append(predict, "--batch", "1000000000000"), []string{"--batch"}},
		{append(predict, "--threads", "1000000"), []string{"--threads 1000000"}},
		{append(predict, "--kernel", "3"), []string{"--kernel", "--adapter"}},
		{[]string{"predict"}, []string{"at least one image"}},
		{[]string{"backbone", "inspect", "a.npz", "b.npz"}, []string{"one backbone at a time"}},
		{[]string{"backbone", "inspect", fixture.backbone, "--heads", "5"}, []string{"--heads 5"}},
		{[]string{"backbone", "export", fixture.backbone}, []string{"--out is required"}},
		{[]string{"backbone", "export", fixture.backbone, "--out", "x", "--pool", "max"}, []string{"--pool", "mean", "cls"}},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			o := cli(t, c.args...)
			o.want(t, exitUsage, c.want...)
			if o.out != "" {
				t.Errorf("stdout: %s", o.out)
			}
		})
	}
}
