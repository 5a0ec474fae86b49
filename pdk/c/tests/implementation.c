/* The one source file that has the implementation. */
#define EXTISM_IMPLEMENTATION
#include "extism-pdk.h"
