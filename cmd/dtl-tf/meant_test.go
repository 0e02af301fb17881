package main

import "testing"

// TestMeant: what a user probably meant is in the message about an unknown flag, argument or command.
func TestMeant(t *testing.T) {
	folder := t.TempDir()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"fine-tune", "--epoch", "3"}, "unknown flag: --epoch: did you mean --epochs? (see 'dtl-tf fine-tune --help')"},
		{[]string{"fine-tune", "--batch-size=3"}, "did you mean --batch?"},
		{[]string{"fine-tune", "--batch_size=3"}, "did you mean --batch?"},
		{[]string{"fine-tune", "--model", "x"}, "did you mean --backbone?"},
		{[]string{"fine-tune", "--learning_rate", "1"}, "did you mean --lr?"},
		{[]string{"fine-tune", "--output-dir", "x"}, "did you mean --out?"},
		{[]string{"fine-tune", "--weigth-decay", "1"}, "did you mean --weight-decay?"},
		{[]string{"fine-tune", "--nonsense"}, "unknown flag: --nonsense (see"},
		{[]string{"eval", "--checkpoint", "x"}, "did you mean --adapter?"},
		{[]string{"fine-tune", folder}, "did you mean --data " + folder + "?"},
		{[]string{"fine-tune", "no-such-folder"}, `unexpected argument "no-such-folder" (see`},
		{[]string{"finetune"}, `unknown command "finetune": did you mean fine-tune? 'dtl-tf help' lists all`},
		{[]string{"train"}, "did you mean fine-tune?"},
		{[]string{"evaluate"}, "did you mean eval?"},
		{[]string{"sever"}, "did you mean serve?"},
		{[]string{"nonsense"}, "use one of fine-tune, eval"},
	} {
		cli(t, c.args...).want(t, exitUsage, c.want)
	}
}
