package prepare

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"dtl-tf/graph/spell"
)

// The 45 classes of NWPU-RESISC45 (Cheng et al. 2017), of 700 images each: CLASS/CLASS_001.jpg to CLASS/CLASS_700.jpg.
var resiscClasses = []string{
	"airplane", "airport", "baseball_diamond", "basketball_court", "beach", "bridge", "chaparral", "church", "circular_farmland",
	"cloud", "commercial_area", "dense_residential", "desert", "forest", "freeway", "golf_course", "ground_track_field", "harbor",
	"industrial_area", "intersection", "island", "lake", "meadow", "medium_residential", "mobile_home_park", "mountain", "overpass",
	"palace", "parking_lot", "railway", "railway_station", "rectangular_farmland", "river", "roundabout", "runway", "sea_ice", "ship",
	"snowberg", "sparse_residential", "stadium", "storage_tank", "tennis_court", "terrace", "thermal_power_station", "wetland",
}

const resiscImages = 700 // in each class

// checkRESISC rejects class folders of another data set, of which images are missing, or to which some were added: each of them would
// shift VTAB-1k's images.
func (f *classFolders) checkRESISC() error {
	there := map[string]bool{}
	for _, m := range f.splits["train"] {
		there[m.name] = true
	}
	var missing []string
	for _, class := range resiscClasses {
		if !slices.Contains(f.classes, class) {
			return fmt.Errorf("%s has no class folder %s: it is not NWPU-RESISC45, or not complete", f.archive.Path, class)
		}
		for i := range resiscImages {
			name := fmt.Sprintf("%s/%s_%03d.jpg", class, class, i+1)
			if !there[name] {
				missing = append(missing, name)
			}
			delete(there, name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s: %d of the %d images of NWPU-RESISC45 are missing: %s", f.archive.Path, len(missing), len(resiscClasses)*resiscImages, spell.Few(missing, 3))
	}
	for name := range there {
		if path.Ext(name) != "" && strings.Contains(name, "/") {
			return fmt.Errorf("%s: NWPU-RESISC45 has no image %s, and %d images in all: remove what was added", f.archive.Path, name, len(resiscClasses)*resiscImages)
		}
	}
	return nil
}
