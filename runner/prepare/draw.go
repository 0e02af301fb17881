package prepare

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"fmt"
	"slices"
	"strconv"
)

// draw chooses images of class folders by a seed. The images are shuffled by the MD5 of "SEED:CLASS/IMAGE", so that
// the choice follows from the names alone, on every machine and whatever the images come packed in. Each class gives
// its share, at least one image where there are as many places as classes. What is left is for testing, unless there
// is test/.
func (f *classFolders) draw(c Config) (plan, error) {
	pool := f.shuffled("train", c.Seed)
	var p plan
	var err error
	if p[train], pool, err = f.share(c, pool, "--train", c.Train); err != nil {
		return p, err
	}
	valPool := pool
	if len(f.splits["val"]) > 0 {
		valPool = f.shuffled("val", c.Seed)
	}
	if p[val], valPool, err = f.share(c, valPool, "--val", c.Val); err != nil {
		return p, err
	}
	switch {
	case len(f.splits["test"]) > 0:
		p[test] = f.shuffled("test", c.Seed)
	case len(f.splits["val"]) > 0:
		p[test] = pool
	default:
		p[test] = valPool
	}
	if c.Test > len(p[test]) {
		return p, tooFew(c, "--test", c.Test, fmt.Sprintf("%d are left", len(p[test])))
	}
	if c.Test > 0 {
		p[test] = p[test][:c.Test]
	}
	if len(p[test]) == 0 {
		return p, fmt.Errorf("%s: too few images: --train %d and --val %d leave none for test.txt: lower them", c.From, c.Train, c.Val)
	}
	return p, nil
}

// shuffled is the images of a split in the seed's order.
func (f *classFolders) shuffled(split string, seed uint64) []ref {
	members := f.splits[split]
	type drawn struct {
		digest [md5.Size]byte
		index  int
	}
	all := make([]drawn, len(members))
	for i, m := range members {
		all[i] = drawn{md5.Sum([]byte(strconv.FormatUint(seed, 10) + ":" + m.name)), i}
	}
	slices.SortFunc(all, func(a, b drawn) int {
		return cmp.Or(bytes.Compare(a.digest[:], b.digest[:]), cmp.Compare(a.index, b.index))
	})
	refs := make([]ref, len(all))
	for i, d := range all {
		refs[i] = ref{split, d.index}
	}
	return refs
}

// share takes n images of the pool, from each class its share, and returns them and the rest in the pool's order.
func (f *classFolders) share(c Config, pool []ref, flag string, n int) (taken, rest []ref, err error) {
	if n > len(pool) {
		return nil, nil, tooFew(c, flag, n, fmt.Sprintf("there are %d", len(pool)))
	}
	counts := make([]int, len(f.classes))
	for _, r := range pool {
		counts[f.splits[r.split][r.index].label]++
	}
	left := quotas(counts, n)
	for _, r := range pool {
		if label := f.splits[r.split][r.index].label; left[label] > 0 {
			left[label]--
			taken = append(taken, r)
		} else {
			rest = append(rest, r)
		}
	}
	return taken, rest, nil
}

// quotas divides n places among classes in proportion to their images: whole parts first, then one each to the largest
// remainders, the first class before a later one. Where n allows it, no class that has images stays without.
func quotas(counts []int, n int) []int {
	total, filled := 0, 0
	for _, count := range counts {
		total += count
		if count > 0 {
			filled++
		}
	}
	q := make([]int, len(counts))
	order := make([]int, len(counts))
	left := n
	for i, count := range counts {
		q[i], order[i] = count*n/total, i
		left -= q[i]
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(counts[b]*n%total, counts[a]*n%total)
	})
	for _, i := range order[:left] {
		q[i]++
	}
	if n >= filled {
		for i, count := range counts {
			if count > 0 && q[i] == 0 {
				largest := slices.Index(q, slices.Max(q))
				q[largest]--
				q[i]++
			}
		}
	}
	return q
}
