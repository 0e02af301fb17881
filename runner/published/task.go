package published

// Group is one of the three groups of VTAB-1k's tasks (Zhai et al. 2019, arXiv 1910.04867), by folder names.
type Group struct {
	Name  string
	Tasks []string
}

// Groups are the tasks of VTAB-1k in the order of the papers' tables.
func Groups() []Group {
	return []Group{
		{"Natural", []string{"cifar", "caltech101", "dtd", "oxford_flowers102", "oxford_iiit_pet", "svhn", "sun397"}},
		{"Specialized", []string{"patch_camelyon", "eurosat", "resisc45", "diabetic_retinopathy"}},
		{"Structured", []string{"clevr_count", "clevr_dist", "dmlab", "kitti", "dsprites_loc", "dsprites_ori", "smallnorb_azi", "smallnorb_ele"}},
	}
}

// Tasks are the 19 folder names.
func Tasks() []string {
	var all []string
	for _, g := range Groups() {
		all = append(all, g.Tasks...)
	}
	return all
}

// MeanOfGroups is the average that papers of this line print: the mean of the three groups' means. It is
// only defined where all 19 tasks have a value.
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
