package recipe

import (
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

const head = "name,family,task,method,lr,weight_decay,drop_path,epochs,batch,options\n"

// TestTable: the first row that matches counts, and a recipe for another backbone says so.
func TestTable(t *testing.T) {
	table, err := ReadTable([]byte(head + "published,vit-b,food/4,dtl,0.001,0.05,0,110,32,rank=2 beta=100\nusual,vit-b,*,dtl,0.002,0.05,0,110,32,\nswins,swin-b,*,dtl,0.003,0.05,0,110,32,\npetl,*,*,*,0.005,0.0001,0.1,100,64,\n"))
	expect.NoError(t, err)
	const vitB, vitTi = "vit:image=224,patch=16,width=768,depth=12,heads=12,mlp=3072", "vit:image=224,patch=16,width=192,depth=12,heads=3,mlp=768"
	for _, c := range []struct {
		task, method, architecture, name string
		lr                               float64
	}{
		{"food/4", "dtl", vitB, "published", 0.001}, {"food/8", "dtl", vitB, "usual", 0.002}, {"food/4", "dtl", "swin:image=224", "swins", 0.003}, {"food/4", "lora", vitB, "petl", 0.005},
	} {
		if r := table.Of(c.task, c.method, c.architecture); r.Name != c.name || r.LR != c.lr {
			t.Errorf("%+v: %+v", c, r)
		}
	}
	r := table.Of("food/4", "dtl", vitTi)
	if r.Options["rank"] != "2" || !strings.Contains(r.Note, "tuned for vit-b, used for "+vitTi) || table.Of("food/4", "lora", vitTi).Note != "" {
		t.Errorf("%+v", r)
	}
	r.Options["rank"] = "9"
	if table.Of("food/4", "dtl", vitB).Options["rank"] != "2" {
		t.Error("a recipe that is handed out can change the table")
	}
	for words, rows := range map[string]string{
		"the last row is for vit-b * *": "usual,vit-b,*,*,0.002,0.05,0,110,32,\n",
		"line 2: lr=fast":               "usual,*,*,*,fast,0.05,0,110,32,\n",
		"wrong number of fields":        "usual,*\n",
	} {
		if _, err := ReadTable([]byte(head + rows)); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%v, want %q", err, words)
		}
	}
}
