/// Does with the SDK what the conformance runner asks for on standard input. The protocol is conformance/protocol.md.
#include "options.hpp"

#include <future>
#include <iostream>
#include <unordered_map>

using namespace extism;

namespace {

/// What this SDK cannot do.
struct Cannot : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The plug-ins of a context by their numbers. One that was freed is known as well, and says so.
struct Arena {
  Context context;
  std::map<int32_t, ContextPlugin> plugins;

  ContextPlugin &plugin(int32_t number) {
    const auto found = plugins.find(number);
    if (found == plugins.end()) {
      throw Error(Status::BadHandle, statusDescription(Status::BadHandle));
    }
    return found->second;
  }
};

std::map<std::string, Plugin> plugins;
std::map<std::string, CompiledPlugin> compiledPlugins;
std::map<std::string, std::optional<Arena>> arenas;
std::map<std::string, Pool> pools;

/// Cancels a call that has run for some time, until it has ended: a cancel before it began hits nothing.
class Canceller {
  std::promise<void> over_;
  std::future<void> thread_;

public:
  Canceller(const std::optional<std::string> &milliseconds, const CancelHandle &handle) {
    if (milliseconds) {
      thread_ = std::async(std::launch::async, [over = over_.get_future(), handle, wait = std::stoi(*milliseconds)] {
        for (std::chrono::milliseconds ms(wait); over.wait_for(ms) == std::future_status::timeout;) {
          handle.cancel();
          ms = std::chrono::milliseconds(1);
        }
      });
    }
  }

  ~Canceller() { over_.set_value(); }
};

/// Calls a plug-in of either kind.
template <typename F> std::string call(const Request &request, const CancelHandle &handle, F &&run) {
  Call with{decode(request.option("context").value_or("?")),
            [&](const std::string &function) { run(function, "", nullptr); }};
  const size_t at = request.word(0) == "CALL" ? 2 : 3;
  const Canceller canceller(request.option("cancel_ms"), handle);
  return " " + encode(run(request.bytes(at), request.bytes(at + 1), &with));
}

template <typename P> CancelHandle handleFor(const Request &request, const P &plugin) {
  return request.option("cancel_ms") ? plugin.cancelHandle() : CancelHandle();
}

bool isCompiledId(const std::string &word) {
  return word.size() > 1 && word[0] == 'c' && word.find_first_not_of("0123456789", 1) == word.npos;
}

/// THREADS: each with a plug-in of its own.
std::string threads(const Request &request, const CompiledPlugin &compiled) {
  std::vector<std::future<std::vector<std::string>>> results;
  for (uint64_t thread = 0; thread < request.number(2); thread++) {
    results.push_back(std::async(std::launch::async, [&] {
      const Plugin plugin(compiled);
      std::vector<std::string> outputs;
      for (uint64_t i = 0; i < request.number(3); i++) {
        outputs.push_back(plugin.call(request.bytes(4), request.bytes(5)).string());
      }
      return outputs;
    }));
  }
  std::vector<std::string> all;
  for (auto &result : results) {
    for (std::string &output : result.get()) {
      all.push_back(std::move(output));
    }
  }
  for (const std::string &output : all) {
    if (output != all.front()) {
      throw std::runtime_error("outputs differ");
    }
  }
  return " " + std::to_string(all.size()) + (all.empty() ? "" : " " + encode(all.front()));
}

std::string var(const Request &request, Plugin &plugin) {
  const std::string name = request.bytes(3);
  if (request.word(2) == "get") {
    const auto value = plugin.varGet(name);
    return " " + (value ? encode(*value) : "?");
  }
  request.word(2) == "set" ? plugin.varSet(name, request.bytes(4)) : plugin.varRemove(name);
  return "";
}

std::string takeLogs(const Plugin &plugin) {
  const std::lock_guard lock(logMutex);
  return std::exchange(logs[plugin.id()], "");
}

std::string flag(bool value) { return value ? " 1" : " 0"; }

/// Whatever the identifier stands for.
void close(const std::string &id) {
  plugins[id].close();
  compiledPlugins[id].close();
  pools[id].close();
  arenas.erase(id);
}

using Answer = std::function<std::string(const Request &)>;

/// Requests for a plug-in.
template <typename F> Answer forPlugin(F run) {
  return [run](const Request &request) { return run(request, plugins[request.word(1)]); };
}

Arena &arena(const Request &request) {
  auto &found = arenas[request.word(1)];
  if (!found) {
    throw Closed(Error(Status::Closed, statusDescription(Status::Closed)));
  }
  return *found;
}

/// Requests for a plug-in of a context.
template <typename F> Answer forChild(F run) {
  return [run](const Request &request) {
    return run(request, arena(request).plugin(std::stoi(request.word(2))));
  };
}

const std::unordered_map<std::string, Answer> answers{
    {"HELLO", [](auto &) {
       const std::string version = extism::version();
       return " sdk=cpp version=1.42.0 library=" + version +
              " features=host_context,cancel,threads,nested,reenter,fuel,limits,vars,logs,pool,context,compiled,"
              "precompile,inspect,renew,namespace,wasi,http,fs,headers,stats";
     }},
    {"COMPILE", [](auto &request) {
       close(request.word(1));
       compiledPlugins[request.word(1)] = CompiledPlugin(request.bytes(2), readOptions(request));
       return "";
     }},
    {"NEW", [](auto &request) {
       close(request.word(1));
       plugins[request.word(1)] = isCompiledId(request.word(2)) ? Plugin(compiledPlugins[request.word(2)])
                                                                : Plugin(request.bytes(2), readOptions(request));
       return "";
     }},
    {"INSPECT", [](auto &request) { return " " + encode(inspect(request.bytes(1), readOptions(request))); }},
    {"PRECOMPILE", [](auto &request) { return " " + encode(precompile(request.bytes(1), readOptions(request))); }},
    {"CALL", forPlugin([](auto &request, auto &plugin) {
       return call(request, handleFor(request, plugin), [&](auto function, auto input, void *context) {
         return plugin.callWithHostContext(function, input, context);
       });
     })},
    {"EXISTS", forPlugin([](auto &request, auto &plugin) { return flag(plugin.functionExists(request.bytes(2))); })},
    {"CONFIG", forPlugin([](auto &request, auto &plugin) { return plugin.config(request.bytes(2)), ""; })},
    {"VAR", forPlugin(var)},
    {"RESET", forPlugin([](auto &, auto &plugin) { return plugin.reset(), ""; })},
    {"RENEW", forPlugin([](auto &, auto &plugin) { return plugin.renew(), ""; })},
    {"CANCEL", forPlugin([](auto &, auto &plugin) { return plugin.cancelHandle().cancel(), ""; })},
    {"HEADERS", forPlugin([](auto &, auto &plugin) { return plugin.allowHttpResponseHeaders(), ""; })},
    {"ID", forPlugin([](auto &, auto &plugin) { return " " + encode(plugin.id()); })},
    {"FUEL", forPlugin([](auto &, auto &plugin) {
       const auto fuel = plugin.fuelConsumed();
       return " " + (fuel ? std::to_string(*fuel) : "?");
     })},
    {"LOGS", forPlugin([](auto &, auto &plugin) { return takeLogs(plugin); })},
    {"CONTEXT", [](auto &request) { return arenas[request.word(1)].emplace(), ""; }},
    {"CTXNEW", [](auto &request) {
       Arena &found = arena(request);
       const ContextPlugin plugin = found.context.plugin(request.bytes(2), readOptions(request));
       found.plugins.insert_or_assign(plugin.number(), plugin);
       return " " + std::to_string(plugin.number());
     }},
    {"CTXUPDATE", forChild([](auto &request, auto &plugin) {
       return plugin.update(request.bytes(3), readOptions(request)), "";
     })},
    {"CTXCALL", forChild([](auto &request, auto &plugin) {
       return call(request, handleFor(request, plugin), [&](auto function, auto input, void *context) {
         return plugin.call(function, input, context);
       });
     })},
    {"CTXEXISTS", forChild([](auto &request, auto &plugin) { return flag(plugin.functionExists(request.bytes(3))); })},
    {"CTXCONFIG", forChild([](auto &request, auto &plugin) { return plugin.config(request.bytes(3)), ""; })},
    {"CTXFREE", forChild([](auto &, auto &plugin) { return plugin.free(), ""; })},
    {"CTXRESET", [](auto &request) { return arena(request).context.reset(), ""; }},
    {"POOL", [](auto &request) {
       pools[request.word(1)] = Pool(compiledPlugins[request.word(2)], PoolOptions{request.number(3)});
       return "";
     }},
    {"GET", [](auto &request) {
       close(request.word(2));
       plugins[request.word(2)] = pools[request.word(1)].get(std::chrono::milliseconds(request.number(3)));
       return "";
     }},
    {"POOLSTATS", [](auto &request) {
       const PoolStats stats = pools[request.word(1)].stats();
       std::string words;
       for (uint64_t count : {stats.instancesMax, stats.alive, stats.idle, stats.waiting, stats.made, stats.replaced}) {
         words += " " + std::to_string(count);
       }
       return words;
     }},
    {"THREADS", [](auto &request) { return threads(request, compiledPlugins[request.word(1)]); }},
    {"FREE", [](auto &request) { return close(request.word(1)), ""; }},
    {"GC", [](auto &) { return ""; }},
    {"STATS", [](auto &) {
       const Stats alive = stats();
       std::string words;
       for (uint64_t count : {alive.plugins, alive.compiledPlugins, alive.hostFunctions, alive.cancelHandles}) {
         words += " " + std::to_string(count);
       }
       return words;
     }},
    {"BYE", [](auto &) { return ""; }},
};

std::string answer(const Request &request) {
  try {
    const auto found = answers.find(request.word(0));
    return found == answers.end() ? "CANNOT " + request.word(0) + " is not known" : "OK" + found->second(request);
  } catch (const Error &error) {
    return "ERR " + std::to_string(static_cast<int>(error.status())) + " " + std::to_string(error.guestCode()) + " " +
           encode(error.report());
  } catch (const Cannot &reason) {
    return std::string("CANNOT ") + reason.what();
  } catch (const std::exception &error) {
    return std::string("ERR 0 0 ") + encode(error.what());
  }
}

} // namespace

Plugin &findPlugin(const std::string &id) { return plugins[id]; }

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    const Request request(line);
    std::cout << answer(request) << std::endl;
    if (request.word(0) == "BYE") {
      break;
    }
  }
}
