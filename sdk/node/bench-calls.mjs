/**
 * What is timed, and how: the rows of JavaScript, in Node and in a page.
 *
 * Must not know: packages, and where this runs. Invariant: whoever is measured does the same.
 */

/** Function and input. */
const ROWS = {
  "no-op": ["noop", ""],
  count_vowels: ["count_vowels", "this is a test"],
  "echo 64 KiB": ["echo", new Uint8Array(64 << 10).fill(120)],
  "echo 1 MiB": ["echo", new Uint8Array(1 << 20).fill(120)],
};
/** How many loops are timed; the fastest counts. */
const SAMPLES = 20;

/**
 * Nanoseconds of a call, from loops that take so many milliseconds. `now` tells the time in milliseconds; calls are awaited
 * unless `isSync`.
 */
export async function nanosecondsOfCall(plugin, what, isSync, milliseconds, now) {
  const [name, input] = ROWS[what];
  const loop = async (count) => {
    let output;
    const begin = now();
    if (isSync) {
      for (let left = count; left > 0; left -= 1) {
        output = plugin.callSync(name, input);
      }
    } else {
      for (let left = count; left > 0; left -= 1) {
        output = await plugin.call(name, input);
      }
    }
    const took = now() - begin;
    if (name === "echo" && output.byteLength !== input.byteLength) {
      throw new Error(`${what}: ${output.byteLength} bytes came back`);
    }
    return took;
  };
  let count = 1;
  while ((await loop(count)) < milliseconds) {
    count *= 2;
  }
  let best = Infinity;
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    best = Math.min(best, await loop(count));
  }
  return (best * 1e6) / count;
}
