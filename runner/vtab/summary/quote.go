package summary

import (
	"slices"
	"strings"

	"dtl-tf/graph/spell"
	"dtl-tf/runner"
	"dtl-tf/runner/internal/published"
	"dtl-tf/runner/sweep"
	"dtl-tf/runner/sweep/tabulate"
)

// AllQuotes selects every quoted method.
const AllQuotes = "all"

// parseQuotes parses AllQuotes or a comma-separated list of methods, by their names in this program or in papers.
func parseQuotes(text string) (list []published.Quote, err error) {
	if text = strings.TrimSpace(text); text == "" {
		return nil, nil
	}
	all := published.All()
	if strings.EqualFold(text, AllQuotes) {
		return all, nil
	}
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		i := slices.IndexFunc(all, func(q published.Quote) bool {
			return strings.EqualFold(q.Method, name) || strings.EqualFold(q.Name, name)
		})
		if i < 0 {
			var known []string
			for _, q := range all {
				known = append(known, q.Method)
			}
			return nil, runner.Usagef("--quote %q: no such method is quoted%s; there are %s, and %s", name, spell.DidYouMean(strings.ToLower(name), known), strings.Join(known, ", "), AllQuotes)
		}
		if !slices.ContainsFunc(list, func(q published.Quote) bool { return q.Method == all[i].Method }) {
			list = append(list, all[i])
		}
	}
	return list, nil
}

// checkQuotes refuses quoted rows below results of another family of backbones than the ViT-B/16 that they are of.
func checkQuotes(cells []source, quoted []published.Quote) error {
	for _, c := range cells {
		if quoted == nil || c.Usable() != nil {
			continue
		}
		if a := c.Run.Backbone.Architecture; a != "" && !strings.HasPrefix(strings.ToLower(a), "vit") {
			return runner.Usagef("--quote: the published numbers are of ViT-B/16, these results of %s: leave --quote out", a)
		}
	}
	return nil
}

// quoted makes the row of a published method.
func (t *Table) quoted(q published.Quote) Row {
	r := Row{Method: q.Method, Name: q.Name, Quoted: true, Scores: map[string]sweep.Score{}, GPUMemory: q.GPUMemory}
	for task, top1 := range q.Tasks {
		r.Scores[task] = sweep.Score{Mean: top1}
	}
	r.average()
	if q.Parameters != nil {
		r.Parameters = &Parameters{Millions: *q.Parameters}
	}
	if len(q.Tasks) == 0 {
		if q.Groups != nil {
			r.Scores[MeanOfGroups] = sweep.Score{Mean: *q.Groups}
		}
		t.annotate(&r, "%s: no source gives its tasks one by one.", q.Name)
	}
	for _, text := range append([]string{q.Source}, published.Caveats(q.Method)...) {
		t.annotate(&r, "%s", sentence(text))
	}
	slices.Sort(r.Notes)
	return r
}

// sentence capitalises a text and ends it with a full stop.
func sentence(text string) string {
	text = strings.TrimSuffix(tabulate.OneLine(text), ".") + "."
	return strings.ToUpper(text[:1]) + text[1:]
}
