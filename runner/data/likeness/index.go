package likeness

// The keys of the index: bands of signs of the lowest frequencies, each of bandBits of them. A picture is looked for under the keys of
// all signs of the probed weakest frequencies of a band, which a copy may have with the other sign.
const (
	bands    = 3
	bandBits = 10
	probed   = 3
)

// Index finds pictures by their prints. It finds nearly all that look alike, not all.
type Index struct {
	prints  []*Print
	buckets [bands][1 << bandBits][]candidate
}

// candidate is a picture in a bucket, with the signs that rule most of them out. A search reads many more candidates than prints, and those
// of a bucket lie one after the other in memory.
type candidate struct {
	hash, strong uint64
	number       int32
}

// NewIndex makes an empty index.
func NewIndex() *Index { return &Index{} }

// Add adds a picture, whose number is that of pictures before it.
func (x *Index) Add(p *Print) {
	c := candidate{p.hash, p.strong, int32(len(x.prints))}
	x.prints = append(x.prints, p)
	if p.Plain() {
		return
	}
	for b := range bands {
		key := p.key(b)
		x.buckets[b][key] = append(x.buckets[b][key], c)
	}
}

// Alike returns the smallest number below limit of a picture that looks like p and that ok accepts, or -1. It compares the signs of
// some 2 % of the pictures. It may be called by several goroutines at a time.
func (x *Index) Alike(p *Print, limit int, ok func(number int) bool) int {
	best := int32(limit)
	if p.Plain() {
		return -1
	}
	for b := range bands {
		key := p.key(b)
		for probe := range 1 << probed {
			flipped := key
			for i, bit := range p.weak[b] {
				if probe>>i&1 == 1 {
					flipped ^= 1 << bit
				}
			}
			for _, c := range x.buckets[b][flipped] {
				if c.number >= best {
					break
				}
				if !p.differs(c.hash, c.strong) && lookAlike(p, x.prints[c.number]) && ok(int(c.number)) {
					best = c.number
					break
				}
			}
		}
	}
	if int(best) == limit {
		return -1
	}
	return int(best)
}

// key is the b-th band of the hash: every third sign.
func (p *Print) key(b int) (key uint16) {
	for i := range bandBits {
		key |= uint16(p.hash>>(i*bands+b)&1) << i
	}
	return key
}
