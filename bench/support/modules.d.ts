/** Modules that a bundle or a Worker's manifest brings, under names of our own. */

/** The release artefact, or a peer: a class or a plain object with \`fetch\`. */
declare module "contestant" {
  // biome-ignore lint/suspicious/noExplicitAny: whatever a peer exports.
  const contestant: any;
  export default contestant;
}

/** The files of a contestant, by path. */
declare module "contestants" {
  const contestants: Record<
    string,
    { files: Record<string, ArrayBuffer>; flags: string[]; compatibilityDate: string; env: object }
  >;
  export default contestants;
}

/** Installed by \`npm run bench\` alone. */
declare module "hash-wasm" {
  export function argon2id(options: object): Promise<Uint8Array>;
}
