/// \file
/// The plug-in that is calling a host function.
///
/// Must not know: how host functions are declared. Invariant: once the function has returned, or on another thread,
/// everything answers `Closed`.
#ifndef EXTISM_CURRENT_PLUGIN_HPP
#define EXTISM_CURRENT_PLUGIN_HPP

#include "buffer.hpp"
#include "error.hpp"
#include "log.hpp"

#include <algorithm>
#include <chrono>
#include <optional>

namespace extism {

/// The type of a value; `ValType::I64` is that of memory handles as well.
class ValType {
  ::ExtismValType type_;

public:
  static constexpr ::ExtismValType I32 = ::ExtismValType_I32;
  static constexpr ::ExtismValType I64 = ::ExtismValType_I64;
  static constexpr ::ExtismValType F32 = ::ExtismValType_F32;
  static constexpr ::ExtismValType F64 = ::ExtismValType_F64;
  static constexpr ::ExtismValType ExtismValType_I32 = I32;
  static constexpr ::ExtismValType ExtismValType_I64 = I64;
  static constexpr ::ExtismValType ExtismValType_F32 = F32;
  static constexpr ::ExtismValType ExtismValType_F64 = F64;

  constexpr ValType(::ExtismValType type) noexcept : type_(type) {}
  constexpr operator ::ExtismValType() const noexcept { return type_; }
};

using Val = ExtismVal;
using ValUnion = ExtismValUnion;

/// A block of kernel memory, where plug-in and host exchange bytes; 0 is no block, or an empty one.
using MemoryHandle = uint64_t;

namespace detail {

/// A host function that is running on this thread, above the ones it was called from.
struct HostFrame {
  ExtismCurrentPlugin *plugin;
  const ExtismVal *inputs;
  size_t inputCount;
  ExtismVal *outputs;
  size_t outputCount;
  HostFrame *below;

  static inline thread_local HostFrame *top = nullptr;
};

} // namespace detail

/// What a host function may do with the plug-in that is calling it: read and write its memory, and its own arguments
/// and results. Copies are good until the function returns, and on its thread.
class CurrentPlugin {
  // The library gives each call of a host function a pointer of its own, and none twice.
  ExtismCurrentPlugin *pointer_;

  const detail::HostFrame &frame() const {
    for (const auto *frame = detail::HostFrame::top; frame != nullptr; frame = frame->below) {
      if (frame->plugin == pointer_) {
        return *frame;
      }
    }
    detail::raise(Status::Closed);
  }

public:
  explicit CurrentPlugin(ExtismCurrentPlugin *pointer) noexcept : pointer_(pointer) {}

  /// For functions of the C interface.
  ExtismCurrentPlugin *get() const { return frame().plugin; }

  /// What the call was given as its host context; null if it was given none.
  template <typename T> T *hostContext() const {
    return static_cast<T *>(extism_current_plugin_host_context(get()));
  }

  /// The identity of the plug-in, as Plugin::id.
  PluginId id() const {
    PluginId id{};
    detail::check(extism_current_plugin_id(get(), id.data()));
    return id;
  }

  /// Whether the call was cancelled or its time is up: a function that takes long should look, and return.
  bool mustStop() const { return extism_current_plugin_must_stop(get()); }

  /// How long the call may still take; nothing without a time limit.
  std::optional<std::chrono::milliseconds> timeRemaining() const {
    const uint64_t milliseconds = extism_current_plugin_time_remaining_ms(get());
    if (milliseconds == UINT64_MAX) {
      return std::nullopt;
    }
    return std::chrono::milliseconds(milliseconds);
  }

  /// The value of a variable of the plug-in, if there is one of this name.
  std::optional<Buffer> varGet(std::string_view name) const {
    ExtismBuffer *value = nullptr;
    detail::check(extism_current_plugin_var_get(get(), Bytes(name).data(), name.size(), &value));
    return value == nullptr ? std::nullopt : std::optional(detail::takeBuffer(value));
  }

  /// Sets a variable of the plug-in.
  void varSet(std::string_view name, Bytes value) const {
    detail::check(
        extism_current_plugin_var_set(get(), Bytes(name).data(), name.size(), value.data(), value.size()));
  }

  /// Removes a variable of the plug-in, if there is one of this name.
  void varRemove(std::string_view name) const {
    detail::check(extism_current_plugin_var_remove(get(), Bytes(name).data(), name.size()));
  }

  /// Sets the plug-in's error message, as if it had done so itself; an empty one clears it.
  void setError(std::string_view message) const {
    detail::check(extism_current_plugin_set_error(get(), Bytes(message).data(), message.size()));
  }

  /// The bytes of a block; none if the handle names none. The view ends with the next allocation.
  Bytes block(MemoryHandle handle) const {
    ExtismSize length = 0;
    const uint8_t *data = extism_current_plugin_memory_block(get(), handle, &length);
    return {data, static_cast<size_t>(length)};
  }

  /// A new block with these bytes, which must not be in a block themselves.
  MemoryHandle write(Bytes bytes) const {
    if (bytes.empty()) {
      return 0;
    }
    const MemoryHandle handle = memoryAlloc(bytes.size());
    std::copy(bytes.begin(), bytes.end(), extism_current_plugin_memory_block(get(), handle, nullptr));
    return handle;
  }

  /// Where kernel memory begins. Ends with the next allocation; block() is checked.
  uint8_t *memory() const { return extism_current_plugin_memory(get()); }
  uint8_t *memory(MemoryHandle handle) const { return memory() + handle; }

  /// The length of a block; 0 if the handle names none.
  ExtismSize memoryLength(MemoryHandle handle) const { return extism_current_plugin_memory_length(get(), handle); }

  /// A new block.
  MemoryHandle memoryAlloc(ExtismSize size) const {
    const MemoryHandle handle = extism_current_plugin_memory_alloc(get(), size);
    if (handle == 0 && size != 0) {
      detail::raise(Status::Memory);
    }
    return handle;
  }

  /// Frees a block; a handle that names none is ignored.
  void memoryFree(MemoryHandle handle) const { extism_current_plugin_memory_free(get(), handle); }

  /// Makes a new block the result; false if there is no result of this index that can be one.
  bool output(const uint8_t *bytes, size_t length, size_t index = 0) const {
    if (index >= frame().outputCount || outputVal(index).t != ValType::I64) {
      return false;
    }
    outputVal(index).v.i64 = static_cast<int64_t>(write({bytes, length}));
    return true;
  }
  bool output(std::string_view text, size_t index = 0) const {
    return output(Bytes(text).data(), text.size(), index);
  }

  /// The bytes of the block that an argument is a handle of; null if it is none.
  uint8_t *inputBytes(size_t *length = nullptr, size_t index = 0) const {
    ExtismSize found = 0;
    uint8_t *data = nullptr;
    if (index < frame().inputCount && inputVal(index).t == ValType::I64) {
      const auto handle = static_cast<MemoryHandle>(inputVal(index).v.i64);
      data = extism_current_plugin_memory_block(get(), handle, &found);
    }
    if (length != nullptr) {
      *length = static_cast<size_t>(found);
    }
    return data;
  }

  Buffer inputBuffer(size_t index = 0) const { return Buffer(inputView(index)); }
  std::string inputString(size_t index = 0) const { return std::string(inputView(index).text()); }
  std::string_view inputStringView(size_t index = 0) const { return inputView(index).text(); }

  Bytes inputView(size_t index = 0) const {
    size_t length = 0;
    const uint8_t *data = inputBytes(&length, index);
    return {data, length};
  }

  /// An argument.
  const Val &inputVal(size_t index) const {
    if (index >= frame().inputCount) {
      detail::raise(Status::InvalidArgument);
    }
    return frame().inputs[index];
  }

  /// A result, to be written.
  Val &outputVal(size_t index) const {
    if (index >= frame().outputCount) {
      detail::raise(Status::InvalidArgument);
    }
    return frame().outputs[index];
  }
};

} // namespace extism

#endif
