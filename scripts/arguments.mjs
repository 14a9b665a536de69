/** Options that are read here and passed on to wrangler as they are: `--x y` or `--x=y`, under any of their names. */

/**
 * The arguments that give an option its value, or none.
 *
 * @param {string[]} args
 * @param {string[]} names
 */
export function option(args, ...names) {
  const at = args.findIndex((arg) => names.some((name) => arg === name || arg.startsWith(`${name}=`)));
  if (at === -1) return [];
  return names.includes(args[at]) ? args.slice(at, at + 2) : [args[at]];
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
