package prepare

import (
	"cmp"
	"crypto/md5"
	"fmt"
	"slices"
	"strconv"

	"dtl-tf/runner/prepare/order"
)

// draw chooses images of class folders by a seed. It shuffles them by the MD5 of "SEED:CLASS/IMAGE", so the choice depends on the
// names alone, not on the machine or the container. Each class gets its share, and at least one image if there are as many places
// as classes. The remaining images are for testing unless there is a folder test/.
func (f *classFolders) draw(c Config) (p plan, err error) {
	pool := f.shuffled("train", c.Seed)
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

// shuffled returns the images of a split in the seed's order.
func (f *classFolders) shuffled(split string, seed uint64) []ref {
	members := f.splits[split]
	refs := make([]ref, len(members))
	for at, index := range order.Sort(len(members), func(i int) order.Digest {
		return md5.Sum([]byte(strconv.FormatUint(seed, 10) + ":" + members[i].name))
	}) {
		refs[at] = ref{split, index}
	}
	return refs
}

// share takes n images of the pool, of each class its share, and returns them and the rest in the pool's order.
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

// quotas divides n places among classes in proportion to their images by the largest remainder method; equal remainders favour
// the first class. If n allows it, every class that has images gets a place.
func quotas(counts []int, n int) []int {
	total, filled := 0, 0
	for _, count := range counts {
		total += count
		filled += min(count, 1)
	}
	q := make([]int, len(counts))
	classes := make([]int, len(counts))
	left := n
	for i, count := range counts {
		q[i], classes[i] = count*n/total, i
		left -= q[i]
	}
	slices.SortStableFunc(classes, func(a, b int) int {
		return cmp.Compare(counts[b]*n%total, counts[a]*n%total)
	})
	for _, i := range classes[:left] {
		q[i]++
	}
	if n >= filled {
		for i, count := range counts {
			if count > 0 && q[i] == 0 {
				q[slices.Index(q, slices.Max(q))]--
				q[i]++
			}
		}
	}
	return q
}
