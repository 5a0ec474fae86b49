/**
 * Modules in text form (WAT), which are rare in pages: what reads them is fetched when the first one comes.
 *
 * Must not know: where the file is. Invariant: a page that loads binary modules loads nothing of this.
 */

import { errorOf } from "../error.js";
import { Status } from "../status.js";
import type { Translate } from "./loaded.js";

/** Gets a file beside the package, compiled. */
export type Get = (name: string) => Promise<WebAssembly.Module>;

/** What turns text into binary modules. */
export function translator(_get: Get): Translate {
  return () => Promise.reject(errorOf(Status.ModuleInvalid, "this build has nothing that reads modules in text form"));
}
