/**
 * Plug-ins described without running them.
 *
 * Must not know: what is found out, which the core does. Invariant: bytes are fetched as they are for loading.
 */

import type { BackendOptions, Source } from "../backend.js";
import type { Inspection } from "../inspection.js";
import { Loading } from "./loaded.js";
import type { Platform } from "./backend.js";

/** Describes a plug-in. */
export async function inspectionOf(
  core: WebAssembly.Module,
  source: Source,
  options: BackendOptions,
  platform: Platform,
  signal?: AbortSignal,
): Promise<Inspection> {
  return await new Loading(core, source, options).inspect(platform.fetcher, platform.translator, signal);
}
