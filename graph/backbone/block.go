package backbone

// Block is the sizes of one block. They are the same in all blocks of a ViT; in a hierarchical backbone they change from stage to
// stage.
type Block struct {
	Index  int // counted from 0 through all stages; Outside at taps outside of the blocks
	Stage  int // 0 in a backbone of one stage
	Width  int // d, the size of a token
	Heads  int
	MLP    int // hidden units of the MLP
	Side   int // of the square grid of patches
	Prefix int // tokens before the patches, such as the class token
}

// Outside is the Index of a Tap that lies outside of the blocks.
const Outside = -1

// Outside is b as the block of a neighbouring tap that lies outside of the blocks.
func (b Block) Outside() Block {
	b.Index = Outside
	return b
}

// Patches is P, the number of patches.
func (b Block) Patches() int { return b.Side * b.Side }

// Tokens is T, the number of tokens without those of a method: the prefix and the patches.
func (b Block) Tokens() int { return b.Prefix + b.Patches() }
