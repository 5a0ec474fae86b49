/// \file
/// A bounded number of plug-ins that threads borrow.
///
/// Must not know: how plug-ins are made fit for the next borrower. Invariant: what is borrowed goes back when it is
/// closed, even after the pool is gone.
#ifndef EXTISM_POOL_HPP
#define EXTISM_POOL_HPP

#include "plugin.hpp"

#include <chrono>

namespace extism {

/// What a host chooses for a pool.
struct PoolOptions {
  /// How many plug-ins may exist at the same time; 0: as many as the machine runs threads.
  uint64_t instancesMax = 0;
};

/// What a pool is doing.
struct PoolStats {
  uint64_t instancesMax;
  uint64_t alive;
  uint64_t idle;
  uint64_t waiting;
  uint64_t made;
  uint64_t replaced;
};

/// A bounded number of plug-ins that threads borrow.
///
/// \code
/// extism::Pool pool(compiled);
/// extism::Plugin plugin = pool.get(std::chrono::seconds(1)); // goes back at the end of the scope
/// \endcode
class Pool {
  detail::Holder<ExtismPool> holder_;

public:
  /// One that is closed.
  Pool() noexcept = default;

  /// An empty pool of instances of a compiled plug-in, which may be closed meanwhile.
  explicit Pool(const CompiledPlugin &compiled, PoolOptions options = {}) {
    const ExtismPoolOptions chosen{sizeof chosen, options.instancesMax};
    ExtismPool *made = nullptr;
    detail::ErrorPlace error;
    error.check(extism_pool_new(compiled.holder_.open().get(), &chosen, &made, error));
    holder_ = {made, [](ExtismPool *pool) noexcept { extism_pool_free(pool); }};
  }

  /// Borrows a plug-in; throws `WaitTimeout` if none comes back in time.
  Plugin get(std::chrono::milliseconds timeout) const {
    const auto wait = static_cast<uint64_t>(timeout.count() < 0 ? 0 : timeout.count());
    ExtismPlugin *plugin = nullptr;
    detail::ErrorPlace error;
    error.check(extism_pool_get(holder_.open().get(), wait, &plugin, error));
    return Plugin(plugin);
  }

  /// What the pool is doing now.
  PoolStats stats() const {
    ExtismPoolStats stats{};
    stats.size = sizeof stats;
    detail::check(extism_pool_stats(holder_.open().get(), &stats));
    return {stats.instances_max, stats.alive, stats.idle, stats.waiting, stats.made, stats.replaced};
  }

  /// Plug-ins that are borrowed live on. Twice is allowed.
  void close() noexcept { holder_.take(); }

  bool isClosed() const noexcept { return holder_.isClosed(); }
};

} // namespace extism

#endif
