/// \file
/// Which modules a plug-in is made of, and what it may reach.
///
/// Must not know: defaults, files, what is allowed. Invariant: what was set comes out as JSON, and nothing else does.
#ifndef EXTISM_MANIFEST_HPP
#define EXTISM_MANIFEST_HPP

#include "bytes.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace extism {

/// Configuration: text by key.
using Config = std::map<std::string, std::string>;

namespace detail {

/// JSON that is written from left to right.
class Json {
  std::string text_;

public:
  const std::string &text() const noexcept { return text_; }

  /// An opening bracket, or a comma where something stands before.
  Json &separate() {
    if (!text_.empty() && text_.back() != '{' && text_.back() != '[' && text_.back() != ':') {
      text_ += ',';
    }
    return *this;
  }

  Json &open(char bracket) {
    separate().text_ += bracket;
    return *this;
  }

  Json &close(char bracket) {
    text_ += bracket;
    return *this;
  }

  Json &key(std::string_view name) {
    value(name).text_ += ':';
    return *this;
  }

  Json &value(uint64_t number) {
    separate().text_ += std::to_string(number);
    return *this;
  }

  Json &value(std::string_view text) {
    static const char digits[] = "0123456789abcdef";
    separate().text_ += '"';
    for (char letter : text) {
      const auto code = static_cast<unsigned char>(letter);
      if (letter == '"' || letter == '\\') {
        (text_ += '\\') += letter;
      } else if (code < 0x20) {
        ((text_ += "\\u00") += digits[code >> 4]) += digits[code & 15];
      } else {
        text_ += letter;
      }
    }
    text_ += '"';
    return *this;
  }

  Json &value(const std::map<std::string, std::string> &texts) {
    open('{');
    for (const auto &[name, text] : texts) {
      key(name).value(text);
    }
    return close('}');
  }

  template <typename T> Json &field(std::string_view name, const std::optional<T> &value_) {
    return value_ ? key(name).value(*value_) : *this;
  }
};

inline std::string base64(Bytes bytes) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const size_t count = bytes.size() - at;
    const uint32_t group = static_cast<uint32_t>(bytes.data()[at]) << 16 |
                           (count > 1 ? static_cast<uint32_t>(bytes.data()[at + 1]) << 8 : 0) |
                           (count > 2 ? static_cast<uint32_t>(bytes.data()[at + 2]) : 0);
    text += letters[group >> 18];
    text += letters[group >> 12 & 63];
    text += count > 1 ? letters[group >> 6 & 63] : '=';
    text += count > 2 ? letters[group & 63] : '=';
  }
  return text;
}

} // namespace detail

/// Where a module comes from.
enum WasmSource { WasmSourcePath, WasmSourceURL, WasmSourceBytes };

/// A module of a manifest: a file, an address, or the bytes themselves.
class Wasm {
  WasmSource source_;
  std::string reference_;
  std::optional<std::string> hash_;
  std::optional<std::string> name_;
  std::optional<std::string> method_;
  std::map<std::string, std::string> headers_;

public:
  /// A module; `hash` is its SHA-256 in hexadecimal, or empty. `reference` are a path, an address or bytes.
  Wasm(WasmSource source, std::string reference, std::string hash = {})
      : source_(source), reference_(std::move(reference)) {
    if (!hash.empty()) {
      hash_ = std::move(hash);
    }
  }

  /// A file.
  static Wasm path(std::string path, std::string hash = {}) {
    return {WasmSourcePath, std::move(path), std::move(hash)};
  }

  /// What an address answers with.
  static Wasm url(std::string url, std::string hash = {}, std::string method = "GET",
                  std::map<std::string, std::string> headers = {}) {
    Wasm wasm(WasmSourceURL, std::move(url), std::move(hash));
    wasm.method_ = std::move(method);
    wasm.headers_ = std::move(headers);
    return wasm;
  }

  /// The module itself, which is copied.
  static Wasm bytes(Bytes bytes, std::string hash = {}) {
    return {WasmSourceBytes, std::string(bytes.text()), std::move(hash)};
  }
  static Wasm bytes(const uint8_t *data, size_t length, std::string hash = {}) {
    return bytes(Bytes(data, length), std::move(hash));
  }

  /// The name by which other modules of the manifest import from this one.
  Wasm &setName(std::string name) {
    name_ = std::move(name);
    return *this;
  }

  void write(detail::Json &json) const {
    json.open('{');
    switch (source_) {
    case WasmSourcePath:
      json.key("path").value(reference_);
      break;
    case WasmSourceURL:
      json.key("url").value(reference_);
      break;
    case WasmSourceBytes:
      json.key("data").value(detail::base64(reference_));
      break;
    }
    json.field("method", method_).field("hash", hash_).field("name", name_);
    if (!headers_.empty()) {
      json.key("headers").value(headers_);
    }
    json.close('}');
  }
};

/// What a plug-in may use of memory. What is not set is the library's choice.
struct Memory {
  std::optional<uint64_t> maxPages;
  std::optional<uint64_t> maxHttpResponseBytes;
  std::optional<uint64_t> maxVarBytes;
};

/// Which modules a plug-in is made of, and what it may reach. The plug-in reaches nothing that is not granted here.
///
/// \code
/// auto manifest = extism::Manifest::wasmPath("plugin.wasm");
/// manifest.setConfig("language", "en");
/// manifest.allowHost("api.example.com");
/// manifest.setTimeout(2000);
/// extism::Plugin plugin(manifest);
/// \endcode
class Manifest {
public:
  Config config;
  std::vector<Wasm> wasm;
  std::vector<std::string> allowedHosts;
  /// Guest path by host path.
  std::map<std::string, std::string> allowedPaths;
  /// The longest a call may take, in milliseconds.
  std::optional<uint64_t> timeout;
  Memory memory;

  Manifest() = default;

  explicit Manifest(std::vector<Wasm> modules) : wasm(std::move(modules)) {}

  static Manifest wasmPath(std::string path, std::string hash = {}) {
    return Manifest({Wasm::path(std::move(path), std::move(hash))});
  }

  static Manifest wasmURL(std::string url, std::string hash = {}) {
    return Manifest({Wasm::url(std::move(url), std::move(hash))});
  }

  static Manifest wasmBytes(Bytes bytes, std::string hash = {}) {
    return Manifest({Wasm::bytes(bytes, std::move(hash))});
  }
  static Manifest wasmBytes(const uint8_t *data, size_t length, std::string hash = {}) {
    return wasmBytes(Bytes(data, length), std::move(hash));
  }

  void addWasm(Wasm module) { wasm.push_back(std::move(module)); }
  void addWasmPath(std::string path, std::string hash = {}) { addWasm(Wasm::path(std::move(path), std::move(hash))); }
  void addWasmURL(std::string url, std::string hash = {}) { addWasm(Wasm::url(std::move(url), std::move(hash))); }
  void addWasmBytes(Bytes bytes, std::string hash = {}) { addWasm(Wasm::bytes(bytes, std::move(hash))); }
  void addWasmBytes(const uint8_t *data, size_t length, std::string hash = {}) {
    addWasmBytes(Bytes(data, length), std::move(hash));
  }

  /// Lets the plug-in make HTTP requests to the hosts of a pattern.
  void allowHost(std::string host) { allowedHosts.push_back(std::move(host)); }

  /// Lets the plug-in reach a folder, under another name if one is given. A host path that begins with "ro:" is for
  /// reading alone.
  void allowPath(std::string host, std::string guest = {}) {
    std::string seen = guest.empty() ? host : std::move(guest);
    allowedPaths[std::move(host)] = std::move(seen);
  }

  void setTimeout(uint64_t milliseconds) { timeout = milliseconds; }

  void setConfig(std::string key, std::string value) { config[std::move(key)] = std::move(value); }

  /// The manifest as every SDK writes it.
  std::string json() const {
    detail::Json json;
    json.open('{').key("wasm").open('[');
    for (const Wasm &module : wasm) {
      module.write(json);
    }
    json.close(']');
    if (!config.empty()) {
      json.key("config").value(config);
    }
    if (!allowedHosts.empty()) {
      json.key("allowed_hosts").open('[');
      for (const std::string &host : allowedHosts) {
        json.value(host);
      }
      json.close(']');
    }
    if (!allowedPaths.empty()) {
      json.key("allowed_paths").value(allowedPaths);
    }
    json.field("timeout_ms", timeout).key("memory").open('{');
    json.field("max_pages", memory.maxPages);
    json.field("max_http_response_bytes", memory.maxHttpResponseBytes);
    json.field("max_var_bytes", memory.maxVarBytes);
    return json.close('}').close('}').text();
  }
};

} // namespace extism

#endif
