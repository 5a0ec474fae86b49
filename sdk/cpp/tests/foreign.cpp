/// A library of an older interface, as far as a program gets with it.
#include <cstdint>

extern "C" {
std::uint32_t extism_abi_version();
const char *extism_version();
void extism_error_free(void *);
}

std::uint32_t extism_abi_version() { return 0; }
const char *extism_version() { return "1.41.0"; }
void extism_error_free(void *) {}
