package summary

import (
	"slices"
	"strings"

	"dtl-tf/runner"
	"dtl-tf/runner/published"
	"dtl-tf/runner/suite"
)

// AllQuotes stands for every quoted method.
const AllQuotes = "all"

// quotes reads what the user wants quoted: all, or names with commas between them. A name is the method's in this program
// or the one that papers write.
func quotes(text string) ([]published.Quote, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	all := published.All()
	if strings.EqualFold(strings.TrimSpace(text), AllQuotes) {
		return all, nil
	}
	var list []published.Quote
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
			return nil, runner.Usagef("--quote %q: no such method is quoted%s; there are %s, and %s", name, suite.Nearest(strings.ToLower(name), known), strings.Join(known, ", "), AllQuotes)
		}
		if !slices.ContainsFunc(list, func(q published.Quote) bool { return q.Method == all[i].Method }) {
			list = append(list, all[i])
		}
	}
	return list, nil
}

// quoted makes the row of what is published.
func (t *Table) quoted(q published.Quote) Row {
	r := Row{Method: q.Method, Name: q.Name, Quoted: true, Scores: map[string]Score{}, GPUMemory: q.GPUMemory}
	for task, top1 := range q.Tasks {
		r.Scores[task] = Score{Mean: top1}
	}
	t.average(&r)
	if q.Parameters != nil {
		r.Parameters = &Parameters{Millions: *q.Parameters}
	}
	if len(q.Tasks) == 0 {
		if q.Groups != nil {
			r.Scores[MeanOfGroups] = Score{Mean: *q.Groups}
		}
		t.mark(&r, "%s: no source gives its tasks one by one.", q.Name)
	}
	t.mark(&r, "%s", sentence(q.Source))
	for _, caveat := range published.Caveats(q.Method) {
		t.mark(&r, "%s", sentence(caveat))
	}
	slices.Sort(r.Notes)
	return r
}

// sentence begins with a capital and ends with a point.
func sentence(text string) string {
	text = strings.TrimSuffix(oneLine(text), ".") + "."
	return strings.ToUpper(text[:1]) + text[1:]
}
