/// \file
/// Lines: requests taken apart, and replies put together.
///
/// Must not know: what a request does. Invariant: what cannot be read is no request.
#ifndef REQUEST_HPP
#define REQUEST_HPP

#include "catalogue.hpp"

#include <sstream>

/// The bytes that a word stands for; nothing for `?`.
inline std::optional<std::string> decode(const std::string &word) {
  if (word == "?") {
    return std::nullopt;
  }
  const size_t star = word.find('*');
  const std::string digits = word == "-" ? "" : word.substr(0, star);
  std::string once, bytes;
  for (size_t at = 0; at + 1 < digits.size(); at += 2) {
    once += static_cast<char>(std::stoi(digits.substr(at, 2), nullptr, 16));
  }
  for (size_t times = star == word.npos ? 1 : std::stoul(word.substr(star + 1)); times > 0; times--) {
    bytes += once;
  }
  return bytes;
}

/// Bytes as a word.
inline std::string encode(extism::Bytes bytes) {
  static const char digits[] = "0123456789abcdef";
  std::string word = bytes.empty() ? "-" : "";
  for (const uint8_t byte : bytes) {
    (word += digits[byte >> 4]) += digits[byte & 15];
  }
  return word;
}

/// A request: its words, and the options behind them as `name=value`.
class Request {
  std::vector<std::string> words_;
  std::multimap<std::string, std::string> options_;

public:
  explicit Request(const std::string &line) {
    std::istringstream words(line);
    for (std::string word; words >> word;) {
      const size_t equals = word.find('=');
      if (equals == word.npos) {
        words_.push_back(word);
      } else {
        options_.emplace(word.substr(0, equals), word.substr(equals + 1));
      }
    }
  }

  const std::string &word(size_t at) const { return words_.at(at); }
  uint64_t number(size_t at) const { return std::stoull(word(at)); }
  std::string bytes(size_t at) const { return decode(word(at)).value_or(""); }
  const std::multimap<std::string, std::string> &options() const { return options_; }

  std::optional<std::string> option(const std::string &name) const {
    const auto found = options_.find(name);
    return found == options_.end() ? std::nullopt : std::optional(found->second);
  }
};

#endif
