package naming

import (
	"slices"
	"strings"
)

// Parts of prefixes that two networks of the same file may have.
const (
	student = "student."
	teacher = "teacher."
)

// parts are what a prefix may consist of: wrappers of PyTorch (DataParallel, torch.compile), attributes of larger models, and the
// names that transformers gives to backbones below a head.
var parts = []string{
	"module.", "_orig_mod.", "model.", "backbone.", "encoder.", student, teacher, "vit.", "deit.", "dinov2.", "dinov2_with_registers.", "dinov3_vit.", "beit.",
	"vision_model.", "vision_tower.", "visual.", "trunk.",
}

// levels lists the beginnings of a prefix that end with a part: "", "module." and "module.vit." of "module.vit.".
func levels(prefix string) []string {
	list := []string{""}
	for at, c := range prefix {
		if c == '.' {
			list = append(list, prefix[:at+1])
		}
	}
	return list
}

func knownPrefix(prefix string) bool {
	for _, part := range strings.SplitAfter(prefix, ".") {
		if part != "" && !slices.Contains(parts, part) {
			return false
		}
	}
	return true
}
