/** The version of this package, which the addon has to have, too. `cargo xtask gen` compares it. */
export const VERSION = "1.42.0";
