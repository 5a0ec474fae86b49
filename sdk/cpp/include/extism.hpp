/// \file
/// Extism for C++: software made programmable with plug-ins compiled to WebAssembly.
///
/// Rules that hold everywhere:
///
/// - Objects are moved and not copied, and own what they stand for. `close()` frees it early; a second time, and the
///   destructor after that, do nothing. What was closed or moved from throws extism::Closed.
/// - Errors are exceptions with a type for each status, below extism::Error.
/// - What goes in is a view (extism::Bytes) and is copied where it is kept; what comes out is a copy.
/// - Every function may be called from any thread. Calls of one plug-in wait for each other. An object may be closed
///   while other threads use it: what has begun ends first. It must not be moved or destroyed meanwhile.
/// - Host functions and log sinks run on the thread that calls the plug-in. They may throw.
#ifndef EXTISM_HPP
#define EXTISM_HPP

#include "extism/buffer.hpp"
#include "extism/bytes.hpp"
#include "extism/cancel_handle.hpp"
#include "extism/compiled_plugin.hpp"
#include "extism/context.hpp"
#include "extism/current_plugin.hpp"
#include "extism/error.hpp"
#include "extism/host_function.hpp"
#include "extism/log.hpp"
#include "extism/manifest.hpp"
#include "extism/options.hpp"
#include "extism/plugin.hpp"
#include "extism/pool.hpp"
#include "extism/version.hpp"

#endif
