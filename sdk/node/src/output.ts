/**
 * What a plug-in put out, or a block of its memory, as a copy.
 *
 * Must not know: where it came from. Invariant: it is read only, and nothing the plug-in does later changes it.
 */

const decoder = /* @__PURE__ */ new TextDecoder();

/** Bytes from a plug-in: a `DataView` to read numbers from, with ways to read them as text, JSON or bytes. */
export class PluginOutput extends DataView<ArrayBuffer> {
  /** @hidden */
  // eslint-disable-next-line @typescript-eslint/no-useless-constructor -- narrows what it takes
  constructor(buffer: ArrayBuffer) {
    super(buffer);
  }

  /** The value this is the JSON of. Throws a `SyntaxError` if it is none. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as in the published package
  json(): any {
    return JSON.parse(this.text());
  }

  /** The bytes, without a copy. */
  arrayBuffer(): ArrayBuffer {
    return this.buffer;
  }

  /** The text; what is not UTF-8 becomes U+FFFD. */
  text(): string {
    return decoder.decode(this.buffer);
  }

  /** The text; its other name. */
  string(): string {
    return this.text();
  }

  /** The bytes, without a copy. */
  bytes(): Uint8Array {
    return new Uint8Array(this.buffer);
  }

  override setInt8(): never {
    readOnly();
  }
  override setInt16(): never {
    readOnly();
  }
  override setInt32(): never {
    readOnly();
  }
  override setUint8(): never {
    readOnly();
  }
  override setUint16(): never {
    readOnly();
  }
  override setUint32(): never {
    readOnly();
  }
  override setFloat32(): never {
    readOnly();
  }
  override setFloat64(): never {
    readOnly();
  }
  override setBigInt64(): never {
    readOnly();
  }
  override setBigUint64(): never {
    readOnly();
  }
}

function readOnly(): never {
  throw new TypeError("Cannot set values on output");
}
