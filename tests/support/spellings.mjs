/**
 * Forty ways to write a header that a proxy should not let pass, each as
 * `[what, (name, value) => lines]`. Servers drop, keep, join or misread them.
 */
const under = (name) => name.replaceAll("-", "_");
const firstUnder = (name) => name.replace("-", "_");
const lastUnder = (name) => name.replace(/-(?=[^-]*$)/, "_");
const mixed = (name) => [...name].map((c, i) => (i % 2 ? c.toUpperCase() : c.toLowerCase())).join("");

/** @type {[what: string, spell: (name: string, value: string) => string[]][]} */
export const SPELLINGS = [
  ["as it is", (name, value) => [`${name}: ${value}`]],
  ["lower case", (name, value) => [`${name.toLowerCase()}: ${value}`]],
  ["upper case", (name, value) => [`${name.toUpperCase()}: ${value}`]],
  ["mixed case", (name, value) => [`${mixed(name)}: ${value}`]],
  ["without a space", (name, value) => [`${name}:${value}`]],
  ["with many spaces", (name, value) => [`${name}:     ${value}     `]],
  ["with tabs", (name, value) => [`${name}:\t${value}\t`]],
  ["underscores", (name, value) => [`${under(name)}: ${value}`]],
  ["the first an underscore", (name, value) => [`${firstUnder(name)}: ${value}`]],
  ["the last an underscore", (name, value) => [`${lastUnder(name)}: ${value}`]],
  ["underscores, lower case", (name, value) => [`${under(name).toLowerCase()}: ${value}`]],
  ["underscores, upper case", (name, value) => [`${under(name).toUpperCase()}: ${value}`]],
  ["underscores, mixed case", (name, value) => [`${mixed(under(name))}: ${value}`]],
  ["dots", (name, value) => [`${name.replaceAll("-", ".")}: ${value}`]],
  ["the first a dot", (name, value) => [`${name.replace("-", ".")}: ${value}`]],
  ["spaces within", (name, value) => [`${name.replaceAll("-", " ")}: ${value}`]],
  ["a space before the colon", (name, value) => [`${name} : ${value}`]],
  ["a tab before the colon", (name, value) => [`${name}\t: ${value}`]],
  ["a space in front", (name, value) => [` ${name}: ${value}`]],
  ["twice", (name, value) => [`${name}: ${value}`, `${name}: ${value}`]],
  ["twice, first empty", (name, value) => [`${name}:`, `${name}: ${value}`]],
  ["twice, then empty", (name, value) => [`${name}: ${value}`, `${name}:`]],
  ["twice, with an underscore first", (name, value) => [`${under(name)}: ${value}`, `${name}: ${value}`]],
  ["twice, with an underscore last", (name, value) => [`${name}: ${value}`, `${under(name)}: ${value}`]],
  ["twice, in two cases", (name, value) => [`${name.toLowerCase()}: ${value}`, `${name.toUpperCase()}: ${value}`]],
  ["a list", (name, value) => [`${name}: ${value}, ${value}`]],
  ["in quotes", (name, value) => [`${name}: "${value}"`]],
  ["a hyphen doubled", (name, value) => [`${name.replace("-", "--")}: ${value}`]],
  ["a hyphen more at the end", (name, value) => [`${name}-: ${value}`]],
  ["an underscore in front", (name, value) => [`_${name}: ${value}`]],
  ["as WSGI names it", (name, value) => [`HTTP_${under(name).toUpperCase()}: ${value}`]],
  ["percent-encoded", (name, value) => [`${name.replaceAll("-", "%2D")}: ${value}`]],
  ["a hyphen of Unicode", (name, value) => [`${name.replaceAll("-", "\xe2\x80\x90")}: ${value}`]],
  ["a soft hyphen", (name, value) => [`${name.replaceAll("-", "\xad")}: ${value}`]],
  ["a null within", (name, value) => [`${name.replace("-", "-\0")}: ${value}`]],
  ["a vertical tab at the end", (name, value) => [`${name}\x0b: ${value}`]],
  ["folded from the line before", (name, value) => ["X-Other: a", `\t${name}: ${value}`]],
  ["folded over two lines", (name, value) => [`${name}:`, ` ${value}`]],
  ["after a bare line feed", (name, value) => [`X-Other: a\n${name}: ${value}`]],
  ["named hop by hop", (name, value) => [`Connection: close, ${name}`, `${name}: ${value}`]],
];
