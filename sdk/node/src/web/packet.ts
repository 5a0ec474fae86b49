/**
 * Values on their way through shared memory: numbers, big integers, texts, lists, objects and bytes.
 *
 * Must not know: what they mean. Invariant: what is read is what was written.
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A value as bytes. */
export function packed(value: unknown): Uint8Array {
  const blobs: Uint8Array[] = [];
  const json = JSON.stringify(value, (_key, item: unknown) => {
    if (item instanceof Uint8Array) {
      return { "\u0000bytes": blobs.push(item) - 1 };
    }
    if (typeof item === "bigint") {
      return { "\u0000bigint": String(item) };
    }
    // JSON has no word for these.
    if (typeof item === "number" && (!Number.isFinite(item) || Object.is(item, -0))) {
      return { "\u0000number": Object.is(item, -0) ? "-0" : String(item) };
    }
    return item;
  });
  const head = encoder.encode(JSON.stringify([json ?? "null", ...blobs.map((blob) => blob.length)]));
  const whole = new Uint8Array(4 + head.length + blobs.reduce((sum, blob) => sum + blob.length, 0));
  new DataView(whole.buffer).setUint32(0, head.length);
  whole.set(head, 4);
  let at = 4 + head.length;
  for (const blob of blobs) {
    whole.set(blob, at);
    at += blob.length;
  }
  return whole;
}

/** The value of bytes. */
export function unpacked(whole: Uint8Array): unknown {
  const length = new DataView(whole.buffer, whole.byteOffset).getUint32(0);
  const [json, ...lengths] = JSON.parse(decoder.decode(whole.subarray(4, 4 + length))) as [string, ...number[]];
  let at = 4 + length;
  const blobs = lengths.map((bytes) => whole.slice(at, (at += bytes)));
  return JSON.parse(json, (_key, item: unknown) => {
    if (typeof item !== "object" || item === null) {
      return item;
    }
    const marked = item as { "\u0000bytes"?: number; "\u0000bigint"?: string; "\u0000number"?: string };
    if (marked["\u0000bytes"] !== undefined) {
      return blobs[marked["\u0000bytes"]];
    }
    if (marked["\u0000bigint"] !== undefined) {
      return BigInt(marked["\u0000bigint"]);
    }
    return marked["\u0000number"] === undefined ? item : Number(marked["\u0000number"]);
  });
}
