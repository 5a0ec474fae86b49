/// \file
/// What owns an object that one thread may close while others use it.
///
/// Must not know: which objects. Invariant: an object is freed when it was closed and nobody uses it any more.
#ifndef EXTISM_HOLDER_HPP
#define EXTISM_HOLDER_HPP

#include "error.hpp"

#include <memory>
#include <mutex>
#include <utility>

namespace extism::detail {

template <typename T> class Holder {
  mutable std::mutex mutex_;
  std::shared_ptr<T> held_;

public:
  /// One that is closed.
  Holder() noexcept = default;

  Holder(Holder &&other) noexcept : held_(other.take()) {}
  Holder &operator=(Holder &&other) noexcept { return *this = other.take(); }
  Holder(const Holder &) = delete;
  Holder &operator=(const Holder &) = delete;
  ~Holder() = default;

  Holder &operator=(std::shared_ptr<T> object) noexcept {
    // What was held before is freed by the argument, and so without the lock.
    const std::lock_guard lock(mutex_);
    held_.swap(object);
    return *this;
  }

  /// Closes this. The object lives as long as what comes back, or somebody who opened it.
  std::shared_ptr<T> take() noexcept {
    const std::lock_guard lock(mutex_);
    return std::exchange(held_, nullptr);
  }

  /// The object, for as long as it is used. Throws `Closed`.
  std::shared_ptr<T> open() const {
    auto object = get();
    if (object == nullptr) {
      raise(Status::Closed);
    }
    return object;
  }

  bool isClosed() const noexcept { return get() == nullptr; }

private:
  std::shared_ptr<T> get() const noexcept {
    const std::lock_guard lock(mutex_);
    return held_;
  }
};

} // namespace extism::detail

#endif
