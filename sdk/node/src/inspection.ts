/**
 * What a plug-in is, told without running it.
 *
 * Must not know: how it is found out. Invariant: the fields are those of the library's JSON, under its own names.
 */

/** A plug-in, looked into. */
export interface Inspection {
  /** The functions that can be called. */
  readonly functions: readonly string[];
  /** Which generation of kits it was built with: `1.x`, `0.1`, `both` or `none`. */
  readonly era: string;
  /** Whether it imports WASI. */
  readonly wasi: boolean;
  /** The functions the host must provide. */
  readonly host_functions: readonly HostImport[];
  /** The language it was probably written in. */
  readonly language: string | null;
  /** The kit it was probably built with. */
  readonly pdk: string | null;
  /** Its modules, in the order of the manifest. */
  readonly modules: readonly ModuleInspection[];
}

/** A function the host must provide. */
export interface HostImport {
  readonly namespace: string;
  readonly name: string;
  readonly params: readonly string[];
  readonly results: readonly string[];
}

/** A module, looked into. */
export interface ModuleInspection {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly kind: "library" | "reactor" | "command" | "haskell" | "command_and_reactor";
  readonly exports: readonly { readonly name: string; readonly kind: string; readonly type: string }[];
  readonly imports: readonly {
    readonly module: string;
    readonly name: string;
    readonly kind: string;
    readonly type: string;
    readonly provider: string;
  }[];
  readonly features: readonly string[];
  readonly rewriting: string;
  readonly artefact: boolean;
  /** Further facts, as `docs/cli.md` describes them. */
  readonly [fact: string]: unknown;
}
