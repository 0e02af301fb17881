package data

import "math/rand/v2"

// generator is a random generator that depends on nothing but the numbers given, so that an
// epoch's order or an image's augmentation can be had without those before it.
func generator(numbers ...uint64) *rand.Rand {
	// The finaliser of splitmix64 (Steele, Lea, Flood 2014) after each number makes close
	// seeds, such as those of neighbouring epochs, start far apart.
	var state [2]uint64
	for i := range state {
		h := 0x9e3779b97f4a7c15 * uint64(i+1)
		for _, n := range numbers {
			h += n + 0x9e3779b97f4a7c15
			h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
			h = (h ^ h>>27) * 0x94d049bb133111eb
			h ^= h >> 31
		}
		state[i] = h
	}
	return rand.New(rand.NewPCG(state[0], state[1]))
}

// Streams keep the random numbers for one purpose apart from those for another.
const (
	streamOrder uint64 = iota
	streamAugment
	streamHoldout
)
