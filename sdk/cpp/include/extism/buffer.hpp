/// \file
/// Bytes of one's own: what comes out of a plug-in.
///
/// Must not know: plug-ins. Invariant: `data` and `length` describe the bytes the buffer holds.
#ifndef EXTISM_BUFFER_HPP
#define EXTISM_BUFFER_HPP

#include "bytes.hpp"

#include <extism.h>
#include <memory>
#include <string>
#include <vector>

namespace extism {

/// Bytes that a plug-in gave. They are a copy, so they stay what they are whatever the plug-in does next.
///
/// \code
/// extism::Buffer output = plugin.call("greet", "world");
/// std::cout << output.string() << "\n";
/// \endcode
class Buffer {
  std::string bytes_;

  void point() noexcept {
    data = reinterpret_cast<const uint8_t *>(bytes_.data());
    length = bytes_.size();
  }

public:
  /// The bytes; not null even if there is none.
  const uint8_t *data;
  /// How many there are.
  size_t length;

  Buffer() noexcept { point(); }

  explicit Buffer(Bytes bytes) : bytes_(bytes.text()) { point(); }

  Buffer(const uint8_t *bytes, size_t count) : Buffer(Bytes(bytes, count)) {}

  Buffer(const Buffer &other) : bytes_(other.bytes_) { point(); }

  Buffer(Buffer &&other) noexcept : bytes_(std::move(other.bytes_)) {
    point();
    other.clear();
  }

  Buffer &operator=(const Buffer &other) {
    bytes_ = other.bytes_;
    point();
    return *this;
  }

  Buffer &operator=(Buffer &&other) noexcept {
    if (this != &other) {
      bytes_ = std::move(other.bytes_);
      point();
      other.clear();
    }
    return *this;
  }

  ~Buffer() = default;

  /// Forgets the bytes.
  void clear() noexcept {
    bytes_.clear();
    point();
  }

  size_t size() const noexcept { return length; }
  bool empty() const noexcept { return length == 0; }
  const uint8_t *begin() const noexcept { return data; }
  const uint8_t *end() const noexcept { return data + length; }

  /// The bytes as text, whatever they are.
  const std::string &string() const & noexcept { return bytes_; }
  std::string string() && {
    std::string bytes = std::move(bytes_);
    clear();
    return bytes;
  }

  /// The bytes as numbers.
  std::vector<uint8_t> vector() const { return {begin(), end()}; }

  operator std::string() const { return bytes_; }
  operator std::string_view() const noexcept { return bytes_; }
  operator std::vector<uint8_t>() const { return vector(); }
  operator Bytes() const noexcept { return Bytes(bytes_); }

  friend bool operator==(const Buffer &left, const Buffer &right) { return left.bytes_ == right.bytes_; }
  friend bool operator!=(const Buffer &left, const Buffer &right) { return !(left == right); }
};

namespace detail {

struct FreeBuffer {
  void operator()(ExtismBuffer *buffer) const noexcept { extism_buffer_free(buffer); }
};

/// The bytes of a buffer of the library, which is freed.
inline Buffer takeBuffer(ExtismBuffer *buffer) {
  const std::unique_ptr<ExtismBuffer, FreeBuffer> owned(buffer);
  return {extism_buffer_data(buffer), static_cast<size_t>(extism_buffer_length(buffer))};
}

} // namespace detail

} // namespace extism

#endif
