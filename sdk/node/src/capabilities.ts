/**
 * What a platform can do, as programs for the published package ask.
 *
 * Must not know: why they ask. Invariant: the names are those of the published package.
 */

/** What the platform can do. */
export interface Capabilities {
  /** Whether the platform's engine can suspend a plug-in while a promise is waited for. */
  readonly supportsJSPromiseInterface: boolean;
  /** Whether text can be read from, and written to, shared memory. */
  readonly allowSharedBufferCodec: boolean;
  /** Whether manifests may name files. */
  readonly manifestSupportsPaths: boolean;
  /** Whether requests to other origins are checked by the platform. */
  readonly crossOriginChecksEnforced: boolean;
  /** Whether there is a file system. */
  readonly fsAccess: boolean;
  /** Whether plug-ins can run beside the calling thread. */
  readonly hasWorkerCapability: boolean;
  /** Whether plug-ins may import WASI. */
  readonly supportsWasiPreview1: boolean;
  /** Whether a call can be ended by its time limit. */
  readonly supportsTimeouts: boolean;
  /** Whether `EXTISM_ENABLE_WASI_OUTPUT` is set. */
  readonly extismStdoutEnvVarSet: boolean;
}

/** Whether the platform's engine can suspend a plug-in. */
export function supportsJSPromiseInterface(): boolean {
  return typeof (WebAssembly as { Suspending?: unknown }).Suspending === "function";
}
