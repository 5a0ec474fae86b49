/// \file
/// Bytes of somebody else's: what goes into a plug-in, without a copy.
///
/// Must not know: plug-ins. Invariant: a view owns nothing and is never longer than what it was made from.
#ifndef EXTISM_BYTES_HPP
#define EXTISM_BYTES_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

namespace extism {

/// A view of bytes: of a text, a `std::string`, `std::string_view`, `std::vector<uint8_t>`, `std::array`, a span, a
/// `Buffer` or whatever else has `data()` and `size()` with elements of one byte. It lives no longer than those.
class Bytes {
  template <typename T>
  using Element = std::remove_pointer_t<decltype(std::declval<const T &>().data())>;

  const void *data_ = nullptr;
  size_t size_ = 0;

public:
  /// No bytes.
  constexpr Bytes() noexcept = default;

  /// `size` bytes from `data` on.
  constexpr Bytes(const void *data, size_t size) noexcept : data_(data), size_(size) {}

  /// A text that ends with NUL; a null pointer is an empty one.
  Bytes(const char *text) noexcept {
    if (text != nullptr) {
      *this = Bytes(std::string_view(text));
    }
  }

  /// The elements of a container.
  template <typename T, typename = decltype(std::declval<const T &>().size()), typename = Element<T>>
  Bytes(const T &container) noexcept : Bytes(container.data(), container.size()) {
    static_assert(sizeof(Element<T>) == 1, "the elements of a view of bytes are bytes");
  }

  /// The first byte; may be null if there is none.
  const uint8_t *data() const noexcept { return static_cast<const uint8_t *>(data_); }

  /// How many bytes there are.
  size_t size() const noexcept { return size_; }

  /// Whether there is none.
  bool empty() const noexcept { return size_ == 0; }

  const uint8_t *begin() const noexcept { return data(); }
  const uint8_t *end() const noexcept { return data() + size_; }

  /// The bytes as text, whatever they are.
  std::string_view text() const noexcept { return {static_cast<const char *>(data_), size_}; }
};

} // namespace extism

#endif
