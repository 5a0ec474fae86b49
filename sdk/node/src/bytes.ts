/**
 * What users may give as bytes, brought into one form.
 *
 * Must not know: what the bytes are for. Invariant: what is given back is a view of memory that no other thread
 * writes, and of a buffer that is attached.
 */

import { errorOf } from "./error.js";
import { Status } from "./status.js";

/** Bytes: text stands for its UTF-8. */
export type Bytes = string | ArrayBuffer | ArrayBufferView | SharedArrayBuffer;

const encoder = /* @__PURE__ */ new TextEncoder();

/** The bytes of anything that has some. Shared memory is copied; everything else is only looked at. */
export function bytesOf(data: unknown, what: string): Uint8Array {
  if (typeof data === "string") {
    return encoder.encode(data);
  }
  if (data instanceof Uint8Array || ArrayBuffer.isView(data)) {
    return viewOf(data, what);
  }
  if (data instanceof ArrayBuffer) {
    return new Uint8Array(attached(data, what));
  }
  if (isShared(data)) {
    return new Uint8Array(data).slice();
  }
  throw errorOf(Status.InvalidArgument, `${what} must be text or bytes, not ${kindOf(data)}`);
}

function viewOf(view: ArrayBufferView, what: string): Uint8Array {
  try {
    // Views of what was transferred, or has shrunk: a DataView throws when asked, the others have no bytes until one is read.
    if (view.byteLength === 0 && !(view instanceof DataView)) {
      (view as Uint8Array).at(0);
    }
  } catch (error) {
    throw errorOf(Status.InvalidArgument, `${what} is in a buffer that was transferred elsewhere, or has shrunk`, {
      cause: error,
    });
  }
  const { buffer, byteOffset, byteLength } = view;
  if (isShared(buffer)) {
    return new Uint8Array(buffer, byteOffset, byteLength).slice();
  }
  return view instanceof Uint8Array ? view : new Uint8Array(buffer, byteOffset, byteLength);
}

/** A buffer that was transferred has no bytes any more; reading it as empty would hide a mistake. */
function attached(buffer: ArrayBufferLike, what: string): ArrayBuffer {
  const isDetached = (buffer as { detached?: boolean }).detached ?? wasDetached(buffer as ArrayBuffer);
  if (isDetached) {
    throw errorOf(Status.InvalidArgument, `${what} is in a buffer that was transferred elsewhere`);
  }
  return buffer as ArrayBuffer;
}

/** Whether a buffer is detached, on platforms that do not say so. */
function wasDetached(buffer: ArrayBuffer): boolean {
  if (buffer.byteLength > 0) {
    return false;
  }
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

function isShared(value: unknown): value is SharedArrayBuffer {
  return typeof SharedArrayBuffer === "function" && value instanceof SharedArrayBuffer;
}

/** What a value is, for messages. */
export function kindOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
}
