package published

import (
	_ "embed"
	"fmt"
	"sync"
)

// caveat.csv says what keeps a quoted row from being compared as it stands, a row a reason; * is for every method.
//
//go:embed caveat.csv
var caveatFile []byte

var caveats = sync.OnceValue(func() map[string][]string {
	list, err := readCaveats(caveatFile)
	if err != nil {
		panic(fmt.Sprintf("the data of package published: %v", err)) // a test reads the file
	}
	return list
})

func readCaveats(file []byte) (map[string][]string, error) {
	list := map[string][]string{}
	err := eachRow("caveat.csv", file, func(r row) {
		list[r.text("method")] = append(list[r.text("method")], r.text("caveat"))
	})
	return list, err
}

// Caveats are what a reader has to know before comparing the method's quoted accuracy with another.
func Caveats(method string) []string { return caveats()[method] }

// CommonCaveats are those of every quoted row.
func CommonCaveats() []string { return caveats()["*"] }
