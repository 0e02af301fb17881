package suite

// Group is one of the three groups of VTAB-1k's tasks.
type Group struct {
	Name  string
	Tasks []string // folder names
}

// OneFolder is, in a folder of results, the folder of the recipes that are the same for all tasks, and below a method that of its cells with
// this recipe.
const OneFolder = "one-recipe"

// Groups returns the three groups in the order of the papers' tables.
func Groups() (list []Group) {
	for _, t := range tasks() {
		if len(list) == 0 || list[len(list)-1].Name != t.Group {
			list = append(list, Group{Name: t.Group})
		}
		g := &list[len(list)-1]
		g.Tasks = append(g.Tasks, t.Folder)
	}
	return list
}

// Folders returns the 19 folder names in the order of the papers' tables.
func Folders() (names []string) {
	for _, t := range tasks() {
		names = append(names, t.Folder)
	}
	return names
}

// MeanOfGroups returns the average that papers of this field print, the mean of the three groups' means. It is defined only if all
// 19 tasks have a value.
func MeanOfGroups(top1 map[string]float64) (mean float64, ok bool) {
	groups := Groups()
	for _, g := range groups {
		sum := 0.0
		for _, task := range g.Tasks {
			v, ok := top1[task]
			if !ok {
				return 0, false
			}
			sum += v
		}
		mean += sum / float64(len(g.Tasks)) / float64(len(groups))
	}
	return mean, true
}
