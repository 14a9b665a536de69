/** Options that are read here and passed on to wrangler as they are: `--x y` or `--x=y`, under any of their names. */

/**
 * The arguments that give an option its value, or none.
 *
 * @param {string[]} args
 * @param {string[]} names
 */
export function option(args, ...names) {
  const { at, length } = place(args, names);
  return args.slice(at, at + length);
}

/**
 * The arguments but those.
 *
 * @param {string[]} args
 * @param {string[]} names
 */
export function without(args, ...names) {
  const { at, length } = place(args, names);
  return args.toSpliced(at, length);
}

/**
 * @param {string[]} args
 * @param {string[]} names
 */
function place(args, names) {
  const at = args.findIndex((arg) => names.some((name) => arg === name || arg.startsWith(`${name}=`)));
  if (at === -1) return { at: 0, length: 0 };
  return { at, length: names.includes(args[at]) ? 2 : 1 };
}

/**
 * The value of an option.
 *
 * @param {string[]} args
 * @param {string[]} names
 */
export function value(args, ...names) {
  return (
    option(args, ...names)
      .join("=")
      .split("=")
      .slice(1)
      .join("=") || undefined
  );
}
