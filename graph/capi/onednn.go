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

// The environment variables that TensorFlow and oneDNN read.
const (
	oneDNNSwitch = "TF_ENABLE_ONEDNN_OPTS"
	oneDNNLimit  = "ONEDNN_MAX_CPU_ISA"
	limitAlias   = "DNNL_MAX_CPU_ISA"
	ourDefaults  = "DTL_TF_SET" // see process/environment.c
)

// OneDNN says whether TensorFlow uses oneDNN on the CPU.
type OneDNN struct {
	State string // on or off, "" if TensorFlow decides
	By    string // who decides: dtl-tf, environment or TensorFlow
	Limit string // the instruction set to which the environment limits oneDNN, such as AVX2; "" for no limit
}

// FindOneDNN reads the settings of package process and of the user from the environment.
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

// WouldAbort tells whether matrix products in bfloat16 or float16 would abort the process. TensorFlow decides by the processor
// alone whether oneDNN computes them, and aborts if oneDNN is limited to an instruction set that can't.
func (o OneDNN) WouldAbort(bfloat16, float16 bool) bool {
	delegated := bfloat16 && C.avx512() != 0 || float16 && C.avx512_fp16() != 0
	return delegated && o.State != "off" && o.lacks(float16)
}

// lacks tells whether the limit excludes float16 or, if float16 is false, bfloat16. AVX512_CORE and above have bfloat16,
// AVX512_CORE_FP16 and above float16 too, AVX2_VNNI_2 both.
func (o OneDNN) lacks(float16 bool) bool {
	switch limit := strings.ToUpper(o.Limit); limit {
	case "SSE41", "AVX", "AVX2", "AVX2_VNNI":
		return true
	case "AVX512_CORE", "AVX512_CORE_VNNI", "AVX512_CORE_BF16":
		return float16
	}
	return false
}
