/// \file
/// Handles that cancel the calls of one plug-in.
///
/// Must not know: calls. Invariant: a handle may outlive its plug-in and then does nothing.
#ifndef EXTISM_CANCEL_HANDLE_HPP
#define EXTISM_CANCEL_HANDLE_HPP

#include <extism.h>
#include <memory>

namespace extism {

/// Cancels the running call of a plug-in, from any thread.
///
/// \code
/// extism::CancelHandle handle = plugin.cancelHandle();
/// std::thread impatient([handle] { waitForTheUser(); handle.cancel(); });
/// \endcode
class CancelHandle {
  std::shared_ptr<const ExtismCancelHandle> handle_;

public:
  /// One that cancels nothing.
  CancelHandle() noexcept = default;

  /// Another handle of the same plug-in as that of the C interface.
  explicit CancelHandle(const ExtismCancelHandle *handle)
      : handle_(extism_cancel_handle_clone(handle),
                [](const ExtismCancelHandle *copy) noexcept { extism_cancel_handle_free(copy); }) {}

  /// Cancels what runs, if anything does; a later call is not hit. False if there is no such plug-in.
  bool cancel() const noexcept { return extism_plugin_cancel(handle_.get()); }
};

} // namespace extism

#endif
