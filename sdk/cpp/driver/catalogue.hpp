/// \file
/// The catalogue of host functions.
///
/// Must not know: the protocol. Invariant: each is written as a program writes host functions.
#ifndef CATALOGUE_HPP
#define CATALOGUE_HPP

#include <extism.hpp>

#include <functional>
#include <map>

/// What a call brings along for its host functions.
struct Call {
  std::optional<std::string> bytes;
  std::function<void(const std::string &)> callAgain;
};

/// Finds the plug-in of an identifier, which may be closed.
extism::Plugin &findPlugin(const std::string &id);

inline extism::HostFunction catalogueFunction(const std::string &name) {
  using namespace extism;
  const std::vector<HostFunction> functions{
      {"upper", [](std::string text) {
         for (char &letter : text) {
           letter = letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
         }
         return text;
       }},
      {"concat", [](std::string first, std::string_view second) { return first.append(second); }},
      {"add_i64", [](uint64_t left, uint64_t right) { return left + right; }},
      {"add_i32", [](uint32_t left, uint32_t right) { return left + right; }},
      {"mul_f32", [](float left, float right) { return left * right; }},
      {"f64_id", [](double value) { return value; }},
      {"mix", [](int32_t a, int64_t b, float c, double d) {
         return static_cast<double>(a) + static_cast<double>(b) + static_cast<double>(c) + d;
       }},
      {"nothing", [] {}},
      {"throw", [](std::string text) -> std::string { throw std::runtime_error(text); }},
      {"ctx_get", [](CurrentPlugin &plugin) { return plugin.hostContext<Call>()->bytes; }},
      {"reenter", [](CurrentPlugin &plugin, std::string function) {
         try {
           plugin.hostContext<Call>()->callAgain(function);
         } catch (const Error &error) {
           return std::to_string(static_cast<int>(error.status()));
         }
         return std::string("0");
       }},
      {"nested", [](std::string_view function, std::string_view input) {
         return findPlugin("p2").call(function, input);
       }},
      {"wait", [](CurrentPlugin &plugin, int64_t milliseconds) -> int64_t {
         const auto step = std::chrono::milliseconds(5);
         auto left = std::chrono::milliseconds(std::min<int64_t>(milliseconds, 10000));
         for (; left.count() > 0 && !plugin.mustStop(); left -= step) {
           std::this_thread::sleep_for(std::min(left, step));
         }
         return plugin.mustStop();
       }},
      {"bad_handle", [] { return int64_t(1) << 40; }},
  };
  for (const HostFunction &function : functions) {
    if (function.name() == name) {
      return function;
    }
  }
  throw std::invalid_argument("there is no host function " + name);
}

#endif
