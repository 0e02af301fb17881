package data

import "testing"

// TestResizeAgreesWithPillow allows one level of difference in 0.1 % of the values over all images.
func TestResizeAgreesWithPillow(t *testing.T) {
	differ, total := 0, 0
	for _, v := range vectors(t) {
		for i, size := range v.Sizes {
			got := resize(pixels{v.rgb, v.Height, v.Width}, size)
			count, largest := difference(t, got, v.resized[i])
			if largest > 1 {
				t.Errorf("%s to %d: values differ by up to %d levels", v.name, size, largest)
			}
			differ += count
			total += len(got)
		}
	}
	t.Logf("%d of %d values differ (%.4f %%), by one level", differ, total, 100*float64(differ)/float64(total))
	if float64(differ) > 0.001*float64(total) {
		t.Errorf("%d of %d values differ, more than 0.1 %%", differ, total)
	}
}
