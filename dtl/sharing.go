package dtl

// Sharing says what several tasks compute for an image, together and apart.
type Sharing struct {
	Depth  int            `json:"blocks_of_backbone"`
	Prefix int            `json:"shared_blocks"` // blocks that run once: the longest prefix of a task
	Tasks  []SharingShare `json:"tasks"`
}

// SharingShare is the part of one task in a Sharing.
type SharingShare struct {
	Task string `json:"task"`
	// From is the number of leading blocks that the task takes from the shared part. 0 means that it shares nothing, because its
	// method acts inside or before the first block.
	From int `json:"from_block"`
	Own  int `json:"own_blocks"` // blocks that run for this task alone
	// Bytes is the size of the adapter in memory.
	Bytes int64 `json:"adapter_bytes"`
}

// Blocks is the number of blocks that run for one image.
func (s Sharing) Blocks() int {
	n := s.Prefix
	for _, t := range s.Tasks {
		n += t.Own
	}
	return n
}

// Apart is the number of blocks that run for one image if each task is computed apart.
func (s Sharing) Apart() int { return s.Depth * len(s.Tasks) }

// Sharing describes what the named tasks share.
func (s *Shared) Sharing(tasks ...string) (Sharing, error) {
	list, err := s.use(tasks)
	if err != nil {
		return Sharing{}, err
	}
	defer s.release(list)
	d := Sharing{Depth: len(s.config.Arch.Blocks())}
	for _, t := range list {
		from := t.kind.prefix.blocks
		d.Prefix = max(d.Prefix, from)
		d.Tasks = append(d.Tasks, SharingShare{Task: t.name, From: from, Own: d.Depth - from, Bytes: t.bytes})
	}
	return d, nil
}

// Bytes is the size of the backbone's weights in memory, as stored.
func (s *Shared) Bytes() int64 { return s.trunk.frozen.Bytes() }
