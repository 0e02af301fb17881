package data

// draw is the order of a balanced epoch: as many draws as there are items that are not excluded, with replacement. A draw is a class, each
// equally likely, and one of its items, each equally likely, which is what torch.utils.data.WeightedRandomSampler does with the weight
// 1 / (items of the class) for each item. Images that go bad during the training are drawn too and left out afterwards, so that it does not matter when they
// were found to be bad.
func (l *Loader) draw(epoch int) []int {
	var classes [][]int // indices of the items of each class that has some
	at := map[int]int{} // by label
	for i, item := range l.items {
		if l.excluded[i] {
			continue
		}
		k, known := at[item.Label]
		if !known {
			k = len(classes)
			at[item.Label] = k
			classes = append(classes, nil)
		}
		classes[k] = append(classes[k], i)
	}
	r := generator(streamBalance, l.options.Seed, uint64(epoch))
	order := make([]int, len(l.items)-len(l.excluded))
	for i := range order {
		class := classes[r.IntN(len(classes))]
		order[i] = class[r.IntN(len(class))]
	}
	return order
}

// repeats counts for each place of an order how often its image was there before, nil if no image can be there twice.
func (l *Loader) repeats(order []int) []int {
	if !l.options.Balanced {
		return nil
	}
	seen := map[int]int{}
	times := make([]int, len(order))
	for i, index := range order {
		times[i] = seen[index]
		seen[index]++
	}
	return times
}
