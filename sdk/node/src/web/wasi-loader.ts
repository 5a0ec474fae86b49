/**
 * WASI, which few plug-ins need: a page loads it when the first one comes.
 *
 * Must not know: what WASI is. Invariant: who makes a plug-in here and now has WASI already.
 */

import { errorOf } from "../error.js";
import { Status } from "../status.js";
import type { WasiMaker, WasiOptions } from "./wasi.js";

type Wasi = typeof import("./wasi.js");

let loaded: Wasi | undefined;

/** Gives it, for platforms that bring it along. */
export function useWasi(wasi: Wasi): void {
  loaded = wasi;
}

/** Loads it, unless it is there. */
export async function loadWasi(): Promise<void> {
  loaded ??= await import("./wasi.js");
}

/** Makes WASI with these options. */
export function wasiMaker(options: WasiOptions): WasiMaker {
  if (loaded === undefined) {
    throw errorOf(Status.InvalidArgument, "WASI has to be downloaded first: await createPlugin, or loadCore");
  }
  return loaded.wasiMaker(options);
}
