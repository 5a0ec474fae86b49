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

const WIDTH = 640;
const HEIGHT = 190;
const LEFT = 58;
const RIGHT = 8;
const TOP = 10;
const BOTTOM = 24;
const POINTS_MAX = 2_000;
const ROWS = 4;

/** Adds a call; the oldest ones go. */
export function remember(timings: Timing[], timing: Timing): void {
  timings.push(timing);
  if (timings.length > POINTS_MAX) {
    timings.shift();
  }
}

/** The chart and its figures. */
export function chart(timings: readonly Timing[]): Node[] {
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
  return [list, drawing(timings, at(0.5), at(1))];
}

function drawing(timings: readonly Timing[], median: number, slowest: number): SVGElement {
  const top = roundUp(slowest);
  const x = (at: number): number => LEFT + ((at + 0.5) / timings.length) * (WIDTH - LEFT - RIGHT);
  const y = (ms: number): number => TOP + (1 - ms / top) * (HEIGHT - TOP - BOTTOM);
  const label = `Durations of ${String(timings.length)} calls, from 0 to ${duration(top)}; median ${duration(median)}`;
  const svg = draw("svg", {
    class: "chart",
    viewBox: `0 0 ${String(WIDTH)} ${String(HEIGHT)}`,
    role: "img",
    "aria-label": label,
  });
  for (let row = 0; row <= ROWS; row += 1) {
    const ms = (top * row) / ROWS;
    svg.append(draw("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(ms), y2: y(ms) }));
    svg.append(draw("text", { x: LEFT - 8, y: y(ms) + 4, "text-anchor": "end" }, duration(ms)));
  }
  svg.append(draw("line", { class: "median", x1: LEFT, x2: WIDTH - RIGHT, y1: y(median), y2: y(median) }));
  const radius = timings.length > 300 ? 1.6 : timings.length > 60 ? 2.4 : 3.6;
  timings.forEach(({ ms, isGood }, index) => {
    const kind = isGood ? "point" : "point is-bad";
    svg.append(draw("circle", { class: kind, cx: x(index), cy: y(ms), r: radius }));
  });
  svg.append(draw("text", { x: LEFT, y: HEIGHT - 6 }, "first call"));
  svg.append(draw("text", { x: WIDTH - RIGHT, y: HEIGHT - 6, "text-anchor": "end" }, "last call"));
  return svg;
}

/** The next number that reads well. */
function roundUp(ms: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(ms, 0.01)));
  return ([1, 2, 4, 8, 10].find((step) => step * power >= ms) ?? 10) * power;
}

/** A duration with its unit. */
export function duration(ms: number): string {
  if (ms >= 1000) {
    return `${(ms / 1000).toFixed(2)} s`;
  }
  return ms >= 100 ? `${ms.toFixed(0)} ms` : ms >= 1 ? `${ms.toFixed(1)} ms` : ms === 0 ? "0" : `${ms.toFixed(2)} ms`;
}
