/// \file
/// The options of everything that is made from a source, and the log messages they collect.
///
/// Must not know: what is made. Invariant: messages are kept by plug-in until they are asked for.
#ifndef OPTIONS_HPP
#define OPTIONS_HPP

#include "request.hpp"

inline std::mutex logMutex;
inline std::map<extism::PluginId, std::string> logs;

inline uint64_t *findLimit(extism::Limits &limits, const std::string &name) {
#define LIMIT(field) {#field, &extism::Limits::field}
  static const std::map<std::string, uint64_t extism::Limits::*> fields{
      LIMIT(call_time_ms_max),        LIMIT(memory_bytes_max),      LIMIT(kernel_bytes_max),
      LIMIT(blocks_max),              LIMIT(table_elements_max),    LIMIT(instances_max),
      LIMIT(memories_max),            LIMIT(tables_max),            LIMIT(stack_bytes_max),
      LIMIT(call_depth_max),          LIMIT(output_bytes_max),      LIMIT(error_bytes_max),
      LIMIT(log_line_bytes_max),      LIMIT(log_call_bytes_max),    LIMIT(log_call_lines_max),
      LIMIT(vars_bytes_max),          LIMIT(vars_count_max),        LIMIT(var_name_bytes_max),
      LIMIT(http_response_bytes_max), LIMIT(http_header_bytes_max), LIMIT(http_redirects_max),
      LIMIT(http_requests_max),       LIMIT(manifest_bytes_max),    LIMIT(modules_max),
      LIMIT(module_bytes_max),        LIMIT(download_time_ms_max),
  };
#undef LIMIT
  return &(limits.*fields.at(name));
}

inline std::vector<extism::HostFunction> readFunctions(const std::string &names,
                                                       const std::optional<std::string> &moduleName) {
  std::vector<extism::HostFunction> functions;
  std::istringstream list(names);
  for (std::string name; std::getline(list, name, ',');) {
    functions.push_back(catalogueFunction(name));
    if (moduleName) {
      functions.back().setNamespace(decode(*moduleName).value_or(""));
    }
  }
  return functions;
}

inline extism::Options readOptions(const Request &request) {
  extism::Options options;
  if (request.option("limits") == "untrusted") {
    options.limits = extism::Limits::untrusted();
  }
  for (const auto &[name, value] : request.options()) {
    if (name.rfind("limit.", 0) == 0) {
      options.limits = options.limits.value_or(extism::Limits());
      *findLimit(*options.limits, name.substr(6)) = std::stoull(value);
    } else if (name == "arg" || name == "env") {
      (name == "arg" ? options.wasiArgs : options.wasiEnv).push_back(decode(value).value_or(""));
    }
  }
  options.wasi = request.option("wasi") == "1";
  options.httpResponseHeaders = request.option("headers") == "1";
  options.trustArtefacts = request.option("trust") == "1";
  options.noRewrite = request.option("rewrite") == "0";
  options.noCache = request.option("cache") == "0";
  options.functions = readFunctions(request.option("functions").value_or(""), request.option("namespace"));
  options.fuel = std::stoull(request.option("fuel").value_or("0"));
  if (const auto level = request.option("log")) {
    options.logLevel = static_cast<extism::LogLevel>(std::stoi(*level));
    options.logSink = [](const extism::LogMessage &message) {
      const std::lock_guard lock(logMutex);
      logs[message.pluginId] += " " + std::to_string(static_cast<int>(message.level)) + ":" + encode(message.text);
    };
  }
  return options;
}

#endif
