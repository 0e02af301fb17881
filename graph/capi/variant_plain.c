#define VARIANT plain
#include "variant.h"
