/// \file
/// Turns: a plug-in's output is the caller's until it was read, so one thread at a time may have the plug-in.
///
/// Must not know: plug-ins. Invariant: a thread that is inside is refused, and never waits for itself.
#ifndef EXTISM_GATE_HPP
#define EXTISM_GATE_HPP

#include "error.hpp"

#include <atomic>
#include <mutex>
#include <thread>

namespace extism::detail {

/// What a thread does that does not come in at once.
enum class Wait { Yes, No };

class Gate {
  std::mutex mutex_;
  std::atomic<std::thread::id> inside_{};

public:
  /// Being inside, until the end of the scope.
  class Turn {
    Gate &gate_;

  public:
    Turn(Gate &gate, Wait wait) : gate_(gate) {
      if (gate_.inside_.load(std::memory_order_relaxed) == std::this_thread::get_id()) {
        raise(Status::Busy);
      }
      if (wait == Wait::Yes) {
        gate_.mutex_.lock();
      } else if (!gate_.mutex_.try_lock()) {
        raise(Status::Busy);
      }
      gate_.inside_.store(std::this_thread::get_id(), std::memory_order_relaxed);
    }

    Turn(const Turn &) = delete;
    Turn &operator=(const Turn &) = delete;

    ~Turn() {
      gate_.inside_.store({}, std::memory_order_relaxed);
      gate_.mutex_.unlock();
    }
  };
};

} // namespace extism::detail

#endif
