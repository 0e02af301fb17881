package order

import "math/bits"

// Numpy is numpy.random.RandomState, the Mersenne Twister MT19937 (Matsumoto and Nishimura 1998), with which builders of TFDS draw.
type Numpy struct {
	state [624]uint32
	next  int
}

// NewNumpy seeds the generator as numpy.random.seed does.
func NewNumpy(seed uint32) *Numpy {
	g := &Numpy{next: len(Numpy{}.state)}
	g.state[0] = seed
	for i := 1; i < len(g.state); i++ {
		last := g.state[i-1]
		g.state[i] = 1812433253*(last^last>>30) + uint32(i)
	}
	return g
}

func (g *Numpy) uint32() uint32 {
	s := &g.state
	if g.next == len(s) {
		g.next = 0
		for i := range s {
			y := s[i]&0x80000000 | s[(i+1)%len(s)]&0x7fffffff
			s[i] = s[(i+397)%len(s)] ^ y>>1
			if y&1 == 1 {
				s[i] ^= 0x9908b0df
			}
		}
	}
	y := s[g.next]
	g.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

// Choice returns choice(n, size, replace=False): the first numbers of a permutation of 0 to n-1. size is at most n.
func (g *Numpy) Choice(n, size int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	for i := n - 1; i > 0; i-- {
		mask := uint32(1)<<bits.Len(uint(i)) - 1
		j := int(g.uint32() & mask)
		for j > i {
			j = int(g.uint32() & mask)
		}
		all[i], all[j] = all[j], all[i]
	}
	return all[:size]
}
