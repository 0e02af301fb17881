// Package all registers every family of backbones. Programs import it for that alone; a family is added here in one line.
package all

import _ "dtl-tf/graph/backbone/vit"
