package capi

/*
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

// The part of cuda.h that is used; the driver's binary interface does not change.
enum { capability_major = 75, capability_minor = 76 }; // CUdevice_attribute

typedef struct {
	int version; // 12050 for CUDA 12.5
	int failed;  // of cuInit, a CUresult
	int cards;
	char problem[256];
} driver_t;

typedef struct {
	char name[256];
	int major, minor;
	size_t bytes;
} card_t;

// find_driver loads the driver's library, which TensorFlow loads too, and counts its cards.
static void *find_driver(driver_t *d) {
	memset(d, 0, sizeof *d);
	void *lib = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!lib) {
		snprintf(d->problem, sizeof d->problem, "%s", dlerror());
		return 0;
	}
	int (*version)(int *) = (int (*)(int *))dlsym(lib, "cuDriverGetVersion");
	int (*init)(unsigned) = (int (*)(unsigned))dlsym(lib, "cuInit");
	int (*count)(int *) = (int (*)(int *))dlsym(lib, "cuDeviceGetCount");
	int (*say)(int, const char **) = (int (*)(int, const char **))dlsym(lib, "cuGetErrorString");
	if (!version || !init || !count) {
		snprintf(d->problem, sizeof d->problem, "libcuda.so.1 lacks functions of the driver");
		return 0;
	}
	version(&d->version);
	d->failed = init(0);
	if (!d->failed) d->failed = count(&d->cards);
	const char *text = 0;
	if (d->failed && say && say(d->failed, &text) == 0 && text) snprintf(d->problem, sizeof d->problem, "%s", text);
	return lib;
}

static int find_card(void *lib, int i, card_t *c) {
	memset(c, 0, sizeof *c);
	int (*get)(int *, int) = (int (*)(int *, int))dlsym(lib, "cuDeviceGet");
	int (*name)(char *, int, int) = (int (*)(char *, int, int))dlsym(lib, "cuDeviceGetName");
	int (*attribute)(int *, int, int) = (int (*)(int *, int, int))dlsym(lib, "cuDeviceGetAttribute");
	int (*bytes)(size_t *, int) = (int (*)(size_t *, int))dlsym(lib, "cuDeviceTotalMem_v2");
	int device = 0;
	return get && name && attribute && bytes && !get(&device, i) && !name(c->name, sizeof c->name, device) &&
		!attribute(&c->major, capability_major, device) && !attribute(&c->minor, capability_minor, device) && !bytes(&c->bytes, device);
}
*/
import "C"

import "fmt"

// Driver is what NVIDIA's driver says about itself and its cards.
type Driver struct {
	CUDA  string // the version up to which it runs programs, such as "12.5"
	Cards []Card
}

// Card is an NVIDIA GPU.
type Card struct {
	Name         string
	Major, Minor int   // the compute capability: 9.0 for an H100
	Bytes        int64 // of memory in all
}

// FindDriver asks NVIDIA's driver through the library that TensorFlow loads for it. It fails if there is none, and if the driver fails, as it
// does on a machine without a card.
func FindDriver() (Driver, error) {
	var found C.driver_t
	lib := C.find_driver(&found)
	if lib == nil {
		return Driver{}, fmt.Errorf("no NVIDIA driver: %s", C.GoString(&found.problem[0]))
	}
	d := Driver{CUDA: fmt.Sprintf("%d.%d", found.version/1000, found.version%1000/10)}
	if found.failed != 0 {
		return d, fmt.Errorf("the NVIDIA driver fails with error %d: %s", found.failed, C.GoString(&found.problem[0]))
	}
	for i := range found.cards {
		var c C.card_t
		if C.find_card(lib, C.int(i), &c) == 0 {
			return d, fmt.Errorf("the NVIDIA driver does not describe card %d", i)
		}
		d.Cards = append(d.Cards, Card{C.GoString(&c.name[0]), int(c.major), int(c.minor), int64(c.bytes)})
	}
	return d, nil
}
