package data

import "math/rand/v2"

// generator is a random generator seeded by the numbers alone, so the order of an epoch or the augmentation of an image can be
// computed without those before it.
func generator(numbers ...uint64) *rand.Rand {
	// Close seeds, such as those of neighbouring epochs, start far apart: the state mixes in each number with the finaliser of
	// splitmix64 (Steele, Lea, Flood 2014).
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

// Streams separate the random numbers of different purposes.
const (
	streamOrder uint64 = iota
	streamAugment
	streamHoldout
	streamMix
	streamBalance
	streamAgain
)
