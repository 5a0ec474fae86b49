/// \file
/// What went wrong, as exceptions of a type for each status.
///
/// Must not know: texts of messages. Invariant: the status alone decides on the type that is thrown.
#ifndef EXTISM_ERROR_HPP
#define EXTISM_ERROR_HPP

#include "status.hpp"

#include <cstdint>
#include <exception>
#include <extism.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace extism {

/// The name of a status as in the tables and logs, such as "FUNCTION_NOT_FOUND".
inline const char *statusName(Status status) noexcept {
  return extism_status_name(static_cast<ExtismStatus>(status));
}

/// What a status means, in one sentence.
inline const char *statusDescription(Status status) noexcept {
  return extism_status_description(static_cast<ExtismStatus>(status));
}

/// Anything that went wrong: every exception of this library is one.
///
/// What is thrown has a type of its own for each status, `ErrorOf<Status::…>`, below that of its band, such as
/// `LimitError`, below this:
///
/// \code
/// try {
///   plugin.call("render", page);
/// } catch (const extism::Timeout &) {
///   retryLater();
/// } catch (const extism::Denied &error) {
///   std::cerr << statusName(error.status()) << ": " << error.what() << "\n";
/// } catch (const extism::Error &error) {
///   std::cerr << error.report() << "\n";
/// }
/// \endcode
///
/// If a host function threw, its exception is nested in the `HostFunctionError`: std::rethrow_if_nested throws it.
class Error : public std::runtime_error {
  struct Details {
    Status status;
    int32_t guestCode;
    std::string message;
    std::string report;
  };

  // Exceptions are copied, which must not fail.
  std::shared_ptr<const Details> details_;

  // What the plug-in said needs no causes, which are the plug-in's own innards.
  explicit Error(std::shared_ptr<const Details> details)
      : std::runtime_error(details->status == Status::GuestError ? details->message : details->report),
        details_(std::move(details)) {}

public:
  Error(Status status, std::string message, int32_t guestCode = 0, std::string report = {})
      : Error(std::make_shared<const Details>(Details{status, guestCode, message, report.empty() ? message : report})) {}

  /// An error of the program's own, for its host functions to throw.
  Error(const std::string &message) : Error(Status::HostFunction, message) {}
  Error(const char *message) : Error(std::string(message)) {}

  /// What kind of error it is.
  Status status() const noexcept { return details_->status; }

  /// The code the plug-in returned or exited with; 0 if it did neither.
  int32_t guestCode() const noexcept { return details_->guestCode; }

  /// The outermost message.
  const std::string &message() const noexcept { return details_->message; }

  /// The message and every cause below it, each on lines of its own.
  const std::string &report() const noexcept { return details_->report; }
};

/// The errors whose numbers begin with this digit.
template <int Band> class BandError : public Error {
public:
  explicit BandError(Error error) : Error(std::move(error)) {}
};

/// The caller misused the interface.
using MisuseError = BandError<1>;
/// The manifest, or loading what it names.
using LoadError = BandError<2>;
/// The module itself.
using ModuleError = BandError<3>;
/// The call.
using CallError = BandError<4>;
/// A limit was reached, or the call was cancelled.
using LimitError = BandError<5>;
/// A policy said no.
using Denied = BandError<6>;
/// A fault of the library.
using InternalError = BandError<9>;

/// The errors of one status.
template <Status S> class ErrorOf : public BandError<static_cast<int>(S) / 100> {
public:
  explicit ErrorOf(Error error) : BandError<static_cast<int>(S) / 100>(std::move(error)) {}
};

/// The object was closed or moved from.
using Closed = ErrorOf<Status::Closed>;
/// The plug-in is running.
using Busy = ErrorOf<Status::Busy>;
/// The pool had nothing to give in time.
using WaitTimeout = ErrorOf<Status::WaitTimeout>;
/// The plug-in has no such function.
using FunctionNotFound = ErrorOf<Status::FunctionNotFound>;
/// The plug-in reported an error.
using GuestError = ErrorOf<Status::GuestError>;
/// The plug-in ended itself.
using GuestExit = ErrorOf<Status::GuestExit>;
/// A host function threw.
using HostFunctionError = ErrorOf<Status::HostFunction>;
/// The call took too long.
using Timeout = ErrorOf<Status::Timeout>;
/// The call was cancelled.
using Cancelled = ErrorOf<Status::Cancelled>;
/// The plug-in ran out of fuel.
using OutOfFuel = ErrorOf<Status::Fuel>;

namespace detail {

/// Throws an error as its own type.
[[noreturn]] inline void raise(const Error &error) {
  visitStatus(error.status(), [&](auto status) { throw ErrorOf<decltype(status)::value>(error); });
  // A status of a newer library.
  throw error;
}

[[noreturn]] inline void raise(Status status) { raise(Error(status, statusDescription(status))); }

inline void check(ExtismStatus status) {
  if (status != EXTISM_STATUS_OK) {
    raise(static_cast<Status>(status));
  }
}

/// Where a function of the library puts what it has to say about an error.
class ErrorPlace {
  ExtismError *error_ = nullptr;

public:
  ErrorPlace() noexcept = default;
  ErrorPlace(const ErrorPlace &) = delete;
  ErrorPlace &operator=(const ErrorPlace &) = delete;
  ~ErrorPlace() { extism_error_free(error_); }

  operator ExtismError **() noexcept { return &error_; }

  /// What was put here, or else the status alone.
  Error take(ExtismStatus status) const {
    if (error_ == nullptr) {
      return {static_cast<Status>(status), extism_status_description(status)};
    }
    return {static_cast<Status>(extism_error_status(error_)), extism_error_message(error_),
            extism_error_guest_code(error_), extism_error_report(error_)};
  }

  void check(ExtismStatus status) const {
    if (status != EXTISM_STATUS_OK) {
      raise(take(status));
    }
  }
};

} // namespace detail
} // namespace extism

#endif
