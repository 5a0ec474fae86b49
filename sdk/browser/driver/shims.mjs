/**
 * What the driver of sdk/node takes from Node, as a page has it.
 *
 * Must not know: the protocol. Invariant: replies go to whoever sent the line (`modules.mjs`).
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder();

class PageBuffer extends Uint8Array {
  static from(data, encoding) {
    if (encoding === "hex") {
      return new PageBuffer((data.match(/../g) ?? []).map((digits) => Number.parseInt(digits, 16)));
    }
    return new PageBuffer(typeof data === "string" ? encoder.encode(data) : data);
  }

  static alloc(length, pattern) {
    const bytes = new PageBuffer(length);
    for (let at = 0; at < length && pattern.length > 0; at += pattern.length) {
      bytes.set(pattern.subarray(0, length - at), at);
    }
    return bytes;
  }

  static concat(pieces) {
    const whole = new PageBuffer(pieces.reduce((sum, piece) => sum + piece.length, 0));
    pieces.reduce((at, piece) => (whole.set(piece, at), at + piece.length), 0);
    return whole;
  }

  toString(encoding) {
    return encoding === "hex"
      ? Array.from(this, (byte) => byte.toString(16).padStart(2, "0")).join("")
      : decoder.decode(this);
  }
}

globalThis.driverLines = { lines: [], replies: [], wake: () => undefined };

export { PageBuffer as Buffer };
export const process = {
  env: {},
  stdin: undefined,
  stdout: {
    write: (text) => globalThis.driverLines.replies.shift()(text.trimEnd()),
  },
};
export const setImmediate = (work) => globalThis.setTimeout(work, 0);
