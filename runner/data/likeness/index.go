package likeness

// bands is the number of parts of a hash. Of hashes that differ in maxBits bits, at least one part is equal.
const bands = maxBits + 1

// Index finds pictures by their prints.
type Index struct {
	prints  []*Print
	buckets [bands]map[uint16][]int32 // numbers of prints, by a part of the hash
}

// NewIndex makes an empty index.
func NewIndex() *Index {
	x := &Index{}
	for b := range x.buckets {
		x.buckets[b] = map[uint16][]int32{}
	}
	return x
}

// Add adds a picture, whose number is that of pictures before it.
func (x *Index) Add(p *Print) {
	number := int32(len(x.prints))
	x.prints = append(x.prints, p)
	if p.Plain() {
		return
	}
	for b := range x.buckets {
		part := partOf(p.hash, b)
		x.buckets[b][part] = append(x.buckets[b][part], number)
	}
}

// Alike returns the smallest number of a picture that looks like p and that ok accepts, or -1.
func (x *Index) Alike(p *Print, ok func(number int) bool) int {
	best := int32(-1)
	if p.Plain() {
		return -1
	}
	for b := range x.buckets {
		for _, number := range x.buckets[b][partOf(p.hash, b)] {
			if best >= 0 && number >= best {
				break
			}
			if Alike(p, x.prints[number]) && ok(int(number)) {
				best = number
				break
			}
		}
	}
	return int(best)
}

// partOf is the b-th part of a hash.
func partOf(hash uint64, b int) uint16 {
	from, to := 64*b/bands, 64*(b+1)/bands
	return uint16(hash >> from & (1<<(to-from) - 1))
}
