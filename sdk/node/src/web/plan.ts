/**
 * What the core says about a plug-in that is to be linked.
 *
 * Must not know: why. Invariant: the fields are those of `crates/extism-web`.
 */

import type { ValueType } from "../host-function.js";

/** A module to fetch. */
export interface Needed {
  readonly name: string;
  readonly fetch:
    | "inline"
    | { readonly path: string }
    | { readonly given: number }
    | {
        readonly request: {
          readonly url: string;
          readonly method: string;
          readonly headers: Readonly<Record<string, string>>;
        };
      };
}

/** How a plug-in is linked. */
export interface Plan {
  readonly order: readonly number[];
  readonly modules: readonly ModulePlan[];
  readonly call_time_ms_max: number | null;
  readonly call_depth_max: number;
  readonly download_time_ms_max: number;
  /** Whether any host may be reached at all. */
  readonly http: boolean;
  readonly paths: readonly PathPlan[];
}

export interface ModulePlan {
  readonly name: string;
  readonly kernel_memory: "calls" | "defines" | "imports";
  readonly imports: readonly ImportPlan[];
  readonly exports: readonly ExportPlan[];
  readonly memories: readonly number[];
  readonly tables: readonly number[];
  /** Why it is no module at all, if it is none. */
  readonly invalid: string | null;
}

export interface ImportPlan {
  readonly module: string;
  readonly name: string;
  /** The module that answers, if one does. */
  readonly from: number | null;
  /** Whether a host function of the default namespace answers, although the import says `env`. */
  readonly user: boolean;
  readonly function: Signature | null;
}

export interface ExportPlan {
  readonly name: string;
  readonly function: Signature | null;
}

export interface Signature {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

export interface PathPlan {
  readonly host: string;
  readonly guest: string;
  readonly read_only: boolean;
}
