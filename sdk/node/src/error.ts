/**
 * What goes wrong, as errors: one class for each kind a program may want to tell apart.
 *
 * Must not know: who fails. Invariant: nothing here looks at the text of a message.
 */

import { Status, statusName } from "./status.js";

/** Anything the library reports. `message` is the reason with its causes. */
export class ExtismError extends Error {
  override name = "ExtismError";
  /** The status, for programs to decide on. */
  readonly status: number;
  /** The code the plug-in returned or exited with; 0 if it did neither. */
  readonly guestCode: number;

  constructor(status: number, message: string, options: { guestCode?: number; cause?: unknown } = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.status = status;
    this.guestCode = options.guestCode ?? 0;
  }

  /** The name of the status, such as `FUNCTION_NOT_FOUND`. */
  get code(): string {
    return statusName(this.status);
  }

  /** The message and every cause below it, each on lines of its own. */
  get report(): string {
    return this.message;
  }
}

/** 1xx: the library was used in a way it cannot be. */
export class UsageError extends ExtismError {
  override name = "UsageError";
}
/** The object was closed. */
export class ClosedError extends UsageError {
  override name = "ClosedError";
}
/** The plug-in is running: a call of it has not ended, or came from one of its own host functions. */
export class BusyError extends UsageError {
  override name = "BusyError";
}
/** The pool had no plug-in to give within the time allowed. */
export class PoolTimeoutError extends UsageError {
  override name = "PoolTimeoutError";
}
/** 2xx: a manifest, or what it names, could not be loaded. */
export class LoadError extends ExtismError {
  override name = "LoadError";
}
/** 3xx: the module is not valid, or cannot be linked. */
export class ModuleError extends ExtismError {
  override name = "ModuleError";
}
/** 4xx: the call failed. */
export class CallError extends ExtismError {
  override name = "CallError";
}
/** The plug-in exports no function of this name. */
export class FunctionNotFoundError extends CallError {
  override name = "FunctionNotFoundError";
}
/** The plug-in reported an error, or returned or exited with a code other than 0. */
export class GuestError extends CallError {
  override name = "GuestError";
}
/** The plug-in trapped. */
export class TrapError extends CallError {
  override name = "TrapError";
}
/** A host function threw; `cause` is what. */
export class HostFunctionError extends CallError {
  override name = "HostFunctionError";
}
/** 5xx: a limit was reached, or the call was stopped. */
export class LimitError extends ExtismError {
  override name = "LimitError";
}
/** The call took longer than the plug-in's time limit. */
export class CallTimeoutError extends LimitError {
  override name = "CallTimeoutError";
}
/** The host cancelled the call; `cause` is the reason of its signal, if a signal did. */
export class CallCancelledError extends LimitError {
  override name = "CallCancelledError";
}
/** 6xx: a policy said no. */
export class DeniedError extends ExtismError {
  override name = "DeniedError";
}
/** 9xx: a fault of the library. */
export class InternalError extends ExtismError {
  override name = "InternalError";
}

type Kind = new (status: number, message: string, options?: { guestCode?: number; cause?: unknown }) => ExtismError;

/** The class for a status. A function, so that a bundler can leave it out. */
function kindOf(status: number): Kind {
  switch (status) {
    case Status.Closed:
      return ClosedError;
    case Status.Busy:
      return BusyError;
    case Status.WaitTimeout:
      return PoolTimeoutError;
    case Status.FunctionNotFound:
      return FunctionNotFoundError;
    case Status.GuestError:
    case Status.GuestExit:
      return GuestError;
    case Status.HostFunction:
    case Status.HostPanic:
      return HostFunctionError;
    case Status.Timeout:
      return CallTimeoutError;
    case Status.Cancelled:
      return CallCancelledError;
  }
  if (status >= Status.TrapUnreachable && status <= Status.TrapOther) {
    return TrapError;
  }
  const bands = [ExtismError, UsageError, LoadError, ModuleError, CallError, LimitError, DeniedError];
  return bands[Math.floor(status / 100)] ?? InternalError;
}

/** The error for a status. Engines make every error of theirs with this. */
export function errorOf(
  status: number,
  message: string,
  options: { guestCode?: number; cause?: unknown } = {},
): ExtismError {
  return new (kindOf(status))(status, message, options);
}
