package vtab

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// UsualRate returns a peak learning rate for a method on a data set without a recipe, and why it is this one: the median over the
// published recipes of VTAB-1k's tasks, for DTL and DTL+ those of the backbone's kind.
func UsualRate(method, architecture string) (rate float64, why string) {
	family, base := familyOf(architecture)
	var exact, shared []row
	for _, r := range recipes() {
		switch {
		case r.method == method && (r.Family == "" || r.Family == family):
			exact = append(exact, r)
		case r.method == "*":
			shared = append(shared, r)
		}
	}
	rows := exact
	if len(rows) == 0 {
		rows = shared
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.LR, b.LR) })
	middle := rows[(len(rows)-1)/2]
	switch middle.Name {
	case "published":
		why = fmt.Sprintf("the median of %s's published recipes for the %d tasks of VTAB-1k on %s, from %v to %v", method, len(rows), family, rows[0].LR, rows[len(rows)-1].LR)
	case "full":
		why = "as the SSF repository fine-tunes a whole ViT-B/16"
	default:
		why = "the rate that papers on parameter-efficient tuning share on ViT-B/16"
	}
	if !strings.Contains(architecture, base) {
		why += "; no recipe is published for this backbone"
	}
	return middle.LR, why
}
