/**
 * Which addresses the page itself may reach, as the browser enforces it.
 *
 * Must not know: who asks. The manifest's `allowed_hosts` are checked by the SDK for every request; this is the second
 * lock, which holds even if something is wrong with the first. Invariant: nothing but a click of the user adds to it,
 * and it ends with the tab.
 */

const KEY = "extism.network";
/** A host, with a scheme or `*.` before it or a port behind it, as the policy of a page can say it. */
const HOST = /^(https?:\/\/)?(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*(:(\d{1,5}|\*))?$/i;
const EVERYTHING = "http: https:";

/** What the user allowed in this tab. */
export function granted(): string[] {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter((each): each is string => isSource(each)) : [];
  } catch {
    return [];
  }
}

/** Adds to what the user allowed; it takes effect when the page is loaded the next time. */
export function grant(sources: readonly string[]): void {
  sessionStorage.setItem(KEY, JSON.stringify([...new Set([...granted(), ...sources])]));
}

/** What the policy of the page must say for hosts of a manifest. What it cannot say exactly becomes everything. */
export function sourcesOf(patterns: readonly string[]): string[] {
  const sources = patterns.map((pattern) => {
    const host = pattern.trim().toLowerCase();
    const isExact = /^https?:|:(\d+|\*)$/.test(host);
    return !HOST.test(host) ? EVERYTHING : isExact ? host : `${host}:*`;
  });
  return [...new Set(sources)];
}

/** Those of the sources that the page may not reach yet. */
export function missing(sources: readonly string[]): string[] {
  const has = new Set(granted());
  return has.has(EVERYTHING) ? [] : sources.filter((source) => !has.has(source) && !isOwn(source));
}

/** The page's own origin is always reached. */
function isOwn(source: string): boolean {
  return source === location.host || source === `${location.hostname}:*`;
}

function isSource(each: unknown): boolean {
  return typeof each === "string" && (each === EVERYTHING || HOST.test(each));
}
