/// \file
/// Which C++ types stand for the values of host functions, and how they travel.
///
/// Must not know: functions. Invariant: every bit of a number arrives, and text becomes blocks of its own.
#ifndef EXTISM_VALUE_HPP
#define EXTISM_VALUE_HPP

#include "current_plugin.hpp"

#include <array>
#include <optional>
#include <tuple>

namespace extism::detail {

/// A type of parameters and results. A type that has none does not travel.
template <typename T, typename = void> struct Value;

/// Integers are of 32 or of 64 bits, `bool` is one of 32; an `uint64_t` may be a handle.
template <typename T> struct Value<T, std::enable_if_t<std::is_integral_v<T>>> {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8 || std::is_same_v<T, bool>,
                "integers of host functions have 32 or 64 bits");
  static constexpr bool isLong = sizeof(T) == 8;
  static constexpr ExtismValType type = isLong ? ExtismValType_I64 : ExtismValType_I32;

  static T read(const CurrentPlugin &, const ExtismVal &value) {
    if constexpr (isLong) {
      return static_cast<T>(value.v.i64);
    } else {
      return static_cast<T>(value.v.i32);
    }
  }

  static void write(const CurrentPlugin &, ExtismVal &value, T number) {
    if constexpr (isLong) {
      value.v.i64 = static_cast<int64_t>(number);
    } else {
      value.v.i32 = static_cast<int32_t>(number);
    }
  }
};

template <> struct Value<float> {
  static constexpr ExtismValType type = ExtismValType_F32;
  static float read(const CurrentPlugin &, const ExtismVal &value) { return value.v.f32; }
  static void write(const CurrentPlugin &, ExtismVal &value, float number) { value.v.f32 = number; }
};

template <> struct Value<double> {
  static constexpr ExtismValType type = ExtismValType_F64;
  static double read(const CurrentPlugin &, const ExtismVal &value) { return value.v.f64; }
  static void write(const CurrentPlugin &, ExtismVal &value, double number) { value.v.f64 = number; }
};

/// What owns bytes.
template <typename T>
constexpr bool isOwner =
    std::is_same_v<T, std::string> || std::is_same_v<T, std::vector<uint8_t>> || std::is_same_v<T, Buffer>;

template <typename T> struct Value<T, std::enable_if_t<isOwner<T>>> {
  static constexpr ExtismValType type = ExtismValType_I64;

  static T read(const CurrentPlugin &plugin, const ExtismVal &value) {
    const Bytes bytes = plugin.block(static_cast<MemoryHandle>(value.v.i64));
    if constexpr (std::is_same_v<T, Buffer>) {
      return Buffer(bytes);
    } else {
      return T(bytes.begin(), bytes.end());
    }
  }

  static void write(const CurrentPlugin &plugin, ExtismVal &value, const T &bytes) {
    value.v.i64 = static_cast<int64_t>(plugin.write(bytes));
  }
};

/// What is a view of bytes: of a block, as a parameter. As a result it may be one, too, so it is copied first.
template <typename T>
constexpr bool isView =
    std::is_same_v<T, std::string_view> || std::is_same_v<T, Bytes> || std::is_same_v<T, const char *>;

template <typename T> struct Value<T, std::enable_if_t<isView<T>>> {
  static constexpr ExtismValType type = ExtismValType_I64;

  static T read(const CurrentPlugin &plugin, const ExtismVal &value) {
    static_assert(!std::is_same_v<T, const char *>, "blocks do not end with NUL: take a std::string_view");
    const Bytes bytes = plugin.block(static_cast<MemoryHandle>(value.v.i64));
    if constexpr (std::is_same_v<T, Bytes>) {
      return bytes;
    } else {
      return bytes.text();
    }
  }

  static void write(const CurrentPlugin &plugin, ExtismVal &value, T bytes) {
    Value<Buffer>::write(plugin, value, Buffer(Bytes(bytes)));
  }
};

/// A result that may be missing is the handle 0.
template <typename T> struct Value<std::optional<T>> {
  static constexpr ExtismValType type = Value<T>::type;
  static_assert(type == ExtismValType_I64, "only handles can be missing");

  static void write(const CurrentPlugin &plugin, ExtismVal &value, const std::optional<T> &bytes) {
    if (bytes) {
      Value<T>::write(plugin, value, *bytes);
    }
  }
};

/// What a function returns: nothing, a value, or several in a tuple.
template <typename T> struct Results {
  static constexpr std::array<ExtismValType, 1> types{Value<T>::type};
  static void write(const CurrentPlugin &plugin, ExtismVal *outputs, const T &value) {
    Value<T>::write(plugin, outputs[0], value);
  }
};

template <> struct Results<void> { static constexpr std::array<ExtismValType, 0> types{}; };

template <typename... T> struct Results<std::tuple<T...>> {
  static constexpr std::array<ExtismValType, sizeof...(T)> types{Value<T>::type...};
  static void write(const CurrentPlugin &plugin, ExtismVal *outputs, const std::tuple<T...> &values) {
    std::apply([&](const T &...value) { (Value<T>::write(plugin, *outputs++, value), ...); }, values);
  }
};

} // namespace extism::detail

#endif
