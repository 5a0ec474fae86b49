/**
 * How long calls took: a point for each, and what they have in common.
 *
 * Must not know: what was called. Invariant: the drawing says nothing that the figures beside it do not say in words.
 */

import { draw, make } from "./dom.js";

export interface Timing {
  readonly ms: number;
  readonly isGood: boolean;
}

const HEIGHT = 190;
const LEFT = 58;
const RIGHT = 8;
const TOP = 10;
const BOTTOM = 24;
const POINTS_MAX = 2_000;
/** What is quicker than the clocks of browsers can tell is shown as this. */
const MS_MIN = 0.05;

/** Adds a call; the oldest ones go. */
export function remember(timings: Timing[], timing: Timing): void {
  timings.push(timing);
  if (timings.length > POINTS_MAX) {
    timings.shift();
  }
}

/** The chart, so many pixels wide, and its figures. */
export function chart(timings: readonly Timing[], width: number): Node[] {
  const sorted = timings.map((each) => each.ms).sort((a, b) => a - b);
  const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  const figures: readonly [string, string][] = [
    ["Calls", timings.length.toLocaleString("en")],
    // Browsers measure in steps of 0.1 ms.
    ["Fastest", at(0) === 0 ? "< 0.1 ms" : duration(at(0))],
    ["Median", duration(at(0.5))],
    ["95 %", duration(at(0.95))],
    ["Slowest", duration(at(1))],
  ];
  const list = make("dl", { class: "figures" });
  for (const [name, value] of figures) {
    list.append(make("div", {}, make("dt", {}, name), make("dd", {}, value)));
  }
  return [list, drawing(timings, width, [at(0), at(0.5), at(1)])];
}

/** The axis is logarithmic: a first call, or one that was held up, does not flatten all others. */
function drawing(
  timings: readonly Timing[],
  width: number,
  [fastest, median, slowest]: readonly [number, number, number],
): SVGElement {
  const low = Math.floor(Math.log10(Math.max(fastest, MS_MIN)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(slowest, MS_MIN))));
  const right = width - RIGHT;
  const x = (at: number): number => LEFT + ((at + 0.5) / timings.length) * (right - LEFT);
  const y = (ms: number): number =>
    TOP + ((high - Math.log10(Math.max(ms, MS_MIN))) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const range = `from ${duration(10 ** low)} to ${duration(10 ** high)}`;
  const svg = draw("svg", {
    class: "chart",
    viewBox: `0 0 ${String(width)} ${String(HEIGHT)}`,
    role: "img",
    "aria-label": `Durations of ${String(timings.length)} calls, ${range}; median ${duration(median)}`,
  });
  for (let power = low; power <= high; power += 1) {
    const at = y(10 ** power);
    svg.append(draw("line", { class: "grid", x1: LEFT, x2: right, y1: at, y2: at }));
    svg.append(draw("text", { x: LEFT - 8, y: at + 4, "text-anchor": "end" }, duration(10 ** power)));
  }
  svg.append(draw("line", { class: "median", x1: LEFT, x2: right, y1: y(median), y2: y(median) }));
  const radius = timings.length > 300 ? 1.6 : timings.length > 60 ? 2.4 : 3.6;
  timings.forEach(({ ms, isGood }, index) => {
    const kind = isGood ? "point" : "point is-bad";
    svg.append(draw("circle", { class: kind, cx: x(index), cy: y(ms), r: radius }));
  });
  svg.append(draw("text", { x: LEFT, y: HEIGHT - 6 }, "first call"));
  svg.append(draw("text", { x: right, y: HEIGHT - 6, "text-anchor": "end" }, "last call"));
  return svg;
}

/** A duration with its unit. */
export function duration(ms: number): string {
  if (ms >= 1000) {
    return `${(ms / 1000).toFixed(2)} s`;
  }
  const digits = ms >= 100 || Number.isInteger(ms) ? 0 : ms >= 1 ? 1 : 2;
  return `${ms.toFixed(digits)} ms`;
}
