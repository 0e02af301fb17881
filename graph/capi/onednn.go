package capi

/*
#ifdef __x86_64__
#include <cpuid.h>
static int avx512_fp16(void) {
	unsigned a, b, c, d;
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & 1u << 23);
}
static int avx512(void) { return __builtin_cpu_supports("avx512f"); }
#else
static int avx512_fp16(void) { return 0; }
static int avx512(void) { return 0; }
#endif
*/
import "C"

import (
	"os"
	"strings"
)

// The variables of the environment that TensorFlow and oneDNN read.
const (
	oneDNNSwitch = "TF_ENABLE_ONEDNN_OPTS"
	oneDNNLimit  = "ONEDNN_MAX_CPU_ISA"
	limitAlias   = "DNNL_MAX_CPU_ISA"
	ourDefaults  = "DTL_TF_SET" // start.go
)

// OneDNN says whether TensorFlow computes with oneDNN on processors.
type OneDNN struct {
	State string // on or off, "" where that is TensorFlow's choice
	By    string // who chose: dtl-tf, environment or TensorFlow
	Limit string // the instructions that the environment limits it to, such as AVX2; "" if it does not
}

// FindOneDNN reads what start.go and the user have set.
func FindOneDNN() OneDNN { return findOneDNN(os.Getenv) }

func findOneDNN(getenv func(string) string) OneDNN {
	o := OneDNN{By: "environment"}
	switch strings.ToLower(getenv(oneDNNSwitch)) {
	case "1", "true":
		o.State = "on"
		if strings.Contains(getenv(ourDefaults), oneDNNSwitch) {
			o.By = "dtl-tf"
		}
	case "0", "false":
		o.State = "off"
	default:
		o.By = "TensorFlow"
	}
	if o.Limit = getenv(oneDNNLimit); o.Limit == "" {
		o.Limit = getenv(limitAlias)
	}
	return o
}

// HasNo tells whether oneDNN is limited to instructions without products of bfloat16 or float16, and TensorFlow, which looks at
// the processor alone, would have it compute them all the same. The process would be aborted.
func (o OneDNN) HasNo(bfloat16, float16 bool) bool {
	asked := bfloat16 && C.avx512() != 0 || float16 && C.avx512_fp16() != 0
	return asked && o.State != "off" && o.lacks(float16)
}

// lacks tells whether the limit is below what has 16 bit numbers: AVX512_CORE has bfloat16, AVX512_CORE_FP16 and what is
// above it float16 too, AVX2_VNNI_2 both.
func (o OneDNN) lacks(float16 bool) bool {
	switch limit := strings.ToUpper(o.Limit); limit {
	case "SSE41", "AVX", "AVX2", "AVX2_VNNI":
		return true
	case "AVX512_CORE", "AVX512_CORE_VNNI", "AVX512_CORE_BF16":
		return float16
	}
	return false
}
