/* A library of Extism 1.x before this one, as far as a program looks that asks for its interface: it has none. */
const char *extism_version(void);

const char *extism_version(void) { return "1.41.0"; }
