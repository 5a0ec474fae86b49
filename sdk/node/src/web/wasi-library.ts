/**
 * The library that WASI is made with. Few plug-ins need it: a page loads it when the first one comes.
 *
 * Must not know: WASI. Invariant: who makes a plug-in here and now has the library already.
 */

import { errorOf } from "../error.js";
import { Status } from "../status.js";

type Library = typeof import("./wasi-shim.js");

let loaded: Library | undefined;

/** Gives it, for platforms that bring it along. */
export function useWasi(library: Library): void {
  loaded = library;
}

/** Loads it, unless it is there. */
export async function loadWasi(): Promise<void> {
  loaded ??= await import("./wasi-shim.js");
}

/** The library, once it is there. */
export function wasiLibrary(): Library {
  if (loaded === undefined) {
    throw errorOf(Status.InvalidArgument, "WASI has to be downloaded first: await createPlugin, or loadCore");
  }
  return loaded;
}
