/// \file
/// The library itself: which it is, and what it counts.
///
/// Must not know: plug-ins. Invariant: a library that lacks what these headers call is refused before anything of it
/// is used. For that no function of it may be passed as a pointer: the loader would look for it at once.
#ifndef EXTISM_VERSION_HPP
#define EXTISM_VERSION_HPP

#include "error.hpp"

namespace extism {

/// The version of the library, such as "1.42.0".
inline const char *version() noexcept { return extism_version(); }

/// How many objects are alive in this process.
struct Stats {
  uint64_t plugins;
  uint64_t compiledPlugins;
  uint64_t hostFunctions;
  uint64_t cancelHandles;
  uint64_t logLinesDropped;
};

/// Counts what is alive now.
inline Stats stats() {
  ExtismStats stats{};
  stats.size = sizeof stats;
  detail::check(extism_stats(&stats));
  return {stats.plugins, stats.compiled_plugins, stats.host_functions, stats.cancel_handles, stats.log_lines_dropped};
}

namespace detail {

/// Throws if the library that the loader found is older than the header.
inline void checkInterface() {
  static const uint32_t found = extism_abi_version();
  if (found < EXTISM_ABI_VERSION) {
    raise({Status::Internal, std::string("the library is version ") + extism_version() + ", with interface " +
                                 std::to_string(found) + "; this program needs interface " +
                                 std::to_string(EXTISM_ABI_VERSION)});
  }
}

} // namespace detail
} // namespace extism

#endif
