package finetune

import (
	"strings"

	"dtl-tf/runner"
)

// usualRate is a peak learning rate for data sets without a recipe, and its origin.
type usualRate struct {
	rate float64
	why  string
}

// UsualRate returns the usual peak learning rate of a method: for DTL and DTL+ the median of the published recipes for the 19 tasks of
// VTAB-1k, which is the same on ViT-B/16 and on Swin-B. The recipes are in runner/vtab/recipes.csv.
func UsualRate(method string) (rate float64, why string) {
	u, ok := map[string]usualRate{
		"dtl":  {1e-3, "the median of the published recipes for VTAB-1k, from 0.0001 to 0.01"},
		"dtl+": {3e-3, "the median of the published recipes for VTAB-1k, from 0.0001 to 0.01"},
		"full": {5e-5, "as the SSF repository fine-tunes a whole ViT-B/16"},
	}[method]
	if !ok {
		u = usualRate{1e-3, "the rate that papers on parameter-efficient tuning share on ViT-B/16"}
	}
	return u.rate, u.why
}

// published are parts of the descriptions of the backbones that recipes are published for: ViT-B/16 and Swin-B at 224 pixels.
var published = []string{"vit:image=224,patch=16,width=768,depth=12,heads=12,mlp=3072", "swin:image=224,patch=4,window=7,width=128,depths=2-2-18-2,"}

// settleRate fills in the learning rate if the user has not given one. searched tells of DTL on the user's own data (see
// ownRate).
func (p *plan) settleRate(searched bool, note runner.NoteFunc) {
	c := &p.config
	switch steps := c.Epochs * p.data.train.Steps(); {
	case c.LearningRate != 0:
	case searched:
		c.LearningRate = ownRate(steps)
		note("--lr %v: good in %d steps on small data sets of photographs; --sweep and dtl-tf vtab search compare others", c.LearningRate, steps)
	default:
		c.chooseRate(p.method.Method.Name(), p.backbone.Architecture.String(), note)
	}
}

// chooseRate fills in the usual learning rate of a method.
func (c *Config) chooseRate(method, architecture string, note runner.NoteFunc) {
	rate, why := UsualRate(method)
	if architecture != published[0] && !strings.HasPrefix(architecture, published[1]) {
		why += "; no recipe is published for this backbone"
	}
	c.LearningRate = rate
	note("--lr %v: %s; dtl-tf vtab search compares others", rate, why)
}
