// Package all registers every family of backbones. Programs import it for this effect. A new family is one line here.
package all

import (
	_ "dtl-tf/graph/backbone/swin"
	_ "dtl-tf/graph/backbone/vit"
)
