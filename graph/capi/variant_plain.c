#define VARIANT plain
#define VECTOR_BYTES 16
#include "variant.h"
