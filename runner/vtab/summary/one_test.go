package summary

import (
	"encoding/json"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/vtab"
)

// withOne is a cell of a table with one recipe for all tasks.
func withOne(task, method string, seed uint64, top1, rate float64) vtab.Cell {
	c := finished(task, method, seed, top1)
	c.Recipe.Name, c.Recipe.LR, c.Recipe.Note = vtab.RecipeOne, rate, "lr=3e-3, chosen on val200 of cifar, dtd"
	return c
}

// TestOneRecipe: cells with one recipe for all tasks have a row below that of the recipes of the tasks, whether they are in the same folder
// or in another.
func TestOneRecipe(t *testing.T) {
	both, apart, one := t.TempDir(), t.TempDir(), t.TempDir()
	tuned := []vtab.Cell{finished("cifar", "dtl", 42, 69.6), finished("dtd", "dtl", 42, 71)}
	same := []vtab.Cell{withOne("cifar", "dtl", 42, 65.5, 0.003), withOne("dtd", "dtl", 42, 70.25, 0.003)}
	put(t, both, append(tuned, same...)...)
	put(t, apart, tuned...)
	put(t, one, same...)
	for _, folders := range [][]string{{both}, {apart, one}, {one, apart}} {
		out, _, err := runTable(t, Config{Format: "json"}, folders...)
		expect.NoError(t, err)
		var table Table
		expect.NoError(t, json.Unmarshal([]byte(out), &table))
		if len(table.Rows) != 2 {
			t.Fatalf("rows %+v", table.Rows)
		}
		a, b := table.Rows[0], table.Rows[1]
		if a.Name != "DTL" || a.Recipe != "" || a.Scores["cifar"].Mean != 69.6 || b.Name != "DTL, one recipe" || b.Recipe != "one" || b.Method != "dtl" || b.Scores["cifar"].Mean != 65.5 || b.Scores["dtd"].Mean != 70.25 {
			t.Errorf("%+v, %+v", a, b)
		}
		if notes := strings.Join(table.notesOf(b), "\n"); !strings.Contains(notes, "Trained with the recipe one (lr=3e-3, chosen on val200 of cifar, dtd): 110 epochs") {
			t.Errorf("notes %s", notes)
		}
	}
	out, _, err := runTable(t, Config{}, both)
	if expect.NoError(t, err); !strings.Contains(out, "DTL, one recipe") {
		t.Error(out)
	}
	// A row of one recipe does not mix two.
	other := t.TempDir()
	put(t, other, withOne("svhn", "dtl", 42, 80, 0.001))
	_, _, err = runTable(t, Config{}, one, other)
	expect.Error(t, err, "the cells of dtl with one recipe for all tasks have two", one, other)
	put(t, other, withOne("cifar", "dtl", 42, 60, 0.003))
	_, _, err = runTable(t, Config{}, one, other)
	expect.Error(t, err, "cifar dtl (one recipe) seed 42 is finished in two folders")
}
