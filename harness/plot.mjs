/**
 * A plot as SVG: horizontal bars, or lines over a logarithmic axis. No library,
 * no script, no font to load: the files are committed and shown by any Markdown
 * viewer.
 *
 * The background is painted, light or dark as the reader's system requests, so
 * that the text stays legible on any page.
 *
 *     plotSvg({ title, unit, bars: [{ label, value }] })
 *     plotSvg({ title, unit, bars: [{ label, values: { "p50": 1, "p95": 2 } }] })
 *     plotSvg({ title, unit, xTitle: "users", series: [{ name, points: [[1000, 2.5], …] }] })
 *
 * `mark: { value, label }` draws a line across at a limit. A value that was
 * not found is null and leaves its place empty.
 */

/**
 * @typedef {{ value: number, label: string }} Mark
 *
 * @typedef {object} BarPlot
 * @property {string} title
 * @property {string} unit
 * @property {{ label: string, value?: number | null, values?: Record<string, number | null> }[]} bars
 * @property {Mark} [mark]
 *
 * @typedef {object} LinePlot
 * @property {string} title
 * @property {string} unit
 * @property {string} [xTitle]
 * @property {{ name: string, points: [x: number, y: number][] }[]} series
 * @property {Mark} [mark]
 *
 * @typedef {BarPlot | LinePlot} Plot
 */

const WIDTH = 760;
const MARGIN = 20;
const TITLE_HEIGHT = 52;
const LEGEND_LINE = 20;
const BAR_HEIGHT = 16;
const GROUP_GAP = 10;
const LINES_HEIGHT = 300;
/** Of 12 px sans-serif text; room is made with it, nothing is cut. */
const CHARACTER_WIDTH = 6.6;
/** Okabe and Ito's colours, distinct for colour-blind readers, without those that vanish on white or black. */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
/** Lines beyond them are dashed. */
const DASHES = ["", 'stroke-dasharray="6 4"'];
/** Of the vertical axis, about. */
const TICKS = 5;

const STYLE = `
  .ground { fill: #ffffff } text { fill: #1f2328; font: 12px sans-serif } .title { font-weight: bold; font-size: 15px }
  .faint { fill: #59636e } .axis { stroke: #d1d9e0; fill: none } .mark { stroke: #1f2328; stroke-dasharray: 5 4; fill: none }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117 } text { fill: #f0f6fc } .faint { fill: #9198a1 } .axis { stroke: #3d444d } .mark { stroke: #f0f6fc }
  }`;

/** @param {Plot} plot */
export function plotSvg(plot) {
  return "bars" in plot ? barsSvg(plot) : linesSvg(plot);
}

/** @param {BarPlot} plot */
function barsSvg({ title, unit, bars, mark }) {
  /** @type {{ label: string, values: Record<string, number | null> }[]} */
  const groups = bars.map(({ label, value = null, values }) => ({ label, values: values ?? { "": value } }));
  const names = [...new Set(groups.flatMap(({ values }) => Object.keys(values)))];
  const legend = names.length > 1 ? legendOf(names) : { svg: "", height: 0 };
  const left = MARGIN + CHARACTER_WIDTH * Math.max(...groups.map(({ label }) => label.length)) + 10;
  const numbers = groups.flatMap(({ values }) => Object.values(values)).filter((value) => value !== null);
  const most = Math.max(...numbers, mark?.value ?? 0) || 1;
  const room = WIDTH - left - MARGIN - CHARACTER_WIDTH * Math.max(...numbers.map((value) => short(value).length)) - 8;
  /** @param {number} value */
  const x = (value) => left + (value / most) * room;

  const parts = [legend.svg];
  let y = TITLE_HEIGHT + legend.height;
  const top = y;
  for (const { label, values } of groups) {
    const height = names.length * BAR_HEIGHT;
    parts.push(text(left - 8, y + height / 2 + 4, label, 'text-anchor="end"'));
    names.forEach((name, i) => {
      const value = values[name];
      if (value === null || value === undefined) return;
      const at = y + i * BAR_HEIGHT;
      parts.push(
        `<rect x="${round(left)}" y="${at}" width="${round(Math.max(x(value) - left, 1))}" height="${BAR_HEIGHT - 2}" fill="${COLOURS[i % COLOURS.length]}"/>`,
      );
      parts.push(text(x(value) + 6, at + BAR_HEIGHT - 5, short(value), 'class="faint"'));
    });
    y += height + GROUP_GAP;
  }
  parts.push(`<path class="axis" d="M${round(left)} ${top}V${y - GROUP_GAP}"/>`);
  if (mark) {
    parts.push(`<path class="mark" d="M${round(x(mark.value))} ${top - 4}V${y - GROUP_GAP + 4}"/>`);
    parts.push(text(x(mark.value), y + 8, mark.label, 'text-anchor="middle"'));
    y += 14;
  }
  const said = groups.map(
    ({ label, values }) =>
      `${label}: ${Object.entries(values)
        .map(([name, value]) => `${name} ${value === null ? "not measured" : short(value)}`.trim())
        .join(", ")}`,
  );
  return svg({ title, unit, height: y + MARGIN - GROUP_GAP, said, parts });
}

/** @param {LinePlot} plot */
function linesSvg({ title, unit, xTitle = "", series, mark }) {
  const points = series.flatMap(({ points }) => points);
  const xs = [...new Set(points.map(([x]) => x))].sort((a, b) => a - b);
  const step = tickStep(Math.max(...points.map(([, y]) => y), mark?.value ?? 0) || 1);
  const most = step * Math.ceil((Math.max(...points.map(([, y]) => y), mark?.value ?? 0) * 1.02) / step) || 1;
  const legend = legendOf(series.map(({ name }) => name));
  const top = TITLE_HEIGHT + legend.height + 8;
  const [left, right, bottom] = [MARGIN + CHARACTER_WIDTH * 7, WIDTH - MARGIN - 40, top + LINES_HEIGHT];
  const span = Math.log(xs[xs.length - 1] / xs[0]) || 1;
  /** @param {number} value */
  const toX = (value) => left + (Math.log(value / xs[0]) / span) * (right - left);
  /** @param {number} value */
  const toY = (value) => bottom - (value / most) * LINES_HEIGHT;

  const parts = [legend.svg];
  for (let value = 0; value <= most * 1.001; value += step) {
    parts.push(`<path class="axis" d="M${left} ${round(toY(value))}H${right}"/>`);
    parts.push(text(left - 8, toY(value) + 4, short(value), 'class="faint" text-anchor="end"'));
  }
  for (const value of xs)
    parts.push(text(toX(value), bottom + 18, value.toLocaleString("en-US"), 'class="faint" text-anchor="middle"'));
  parts.push(text((left + right) / 2, bottom + 36, xTitle, 'class="faint" text-anchor="middle"'));
  series.forEach(({ points }, i) => {
    const colour = COLOURS[i % COLOURS.length];
    parts.push(
      `<polyline fill="none" stroke="${colour}" stroke-width="2" ${dash(i)} points="${points.map(([x, y]) => `${round(toX(x))},${round(toY(y))}`).join(" ")}"/>`,
    );
    for (const [x, y] of points)
      parts.push(`<circle cx="${round(toX(x))}" cy="${round(toY(y))}" r="4" fill="${colour}"/>`);
  });
  if (mark) {
    parts.push(`<path class="mark" d="M${left} ${round(toY(mark.value))}H${right}"/>`);
    parts.push(text(right, toY(mark.value) - 6, mark.label, 'text-anchor="end"'));
  }
  const said = series.map(
    ({ name, points }) =>
      `${name}: ${points.map(([x, y]) => `${x.toLocaleString("en-US")} ${xTitle} ${short(y)}`).join(", ")}`,
  );
  return svg({ title, unit, height: bottom + 36 + MARGIN, said, parts });
}

/** @param {{ title: string, unit: string, height: number, said: string[], parts: string[] }} drawing */
function svg({ title, unit, height, said, parts }) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${Math.ceil(height)}" width="${WIDTH}" height="${Math.ceil(height)}" role="img" aria-labelledby="title desc">
<title id="title">${escaped(`${title} (${unit})`)}</title>
<desc id="desc">${escaped(`${said.join("; ")}.`)}</desc>
<style>${STYLE}
</style>
<rect class="ground" width="100%" height="100%" rx="6"/>
${text(MARGIN, 26, title, 'class="title"')}
${text(MARGIN, 43, unit, 'class="faint"')}
${parts.join("\n")}
</svg>
`;
}

/**
 * Below the title, in as many lines as it takes: `{svg, height}`.
 *
 * @param {string[]} names
 */
function legendOf(names) {
  let [x, y] = [MARGIN, TITLE_HEIGHT];
  const entries = names.map((name, i) => {
    const width = 18 + CHARACTER_WIDTH * name.length + 18;
    if (x > MARGIN && x + width > WIDTH) [x, y] = [MARGIN, y + LEGEND_LINE];
    const at = x;
    x += width;
    const line = `<path d="M${round(at)} ${y + 6}h12" stroke="${COLOURS[i % COLOURS.length]}" stroke-width="10" ${i < COLOURS.length ? "" : 'stroke-dasharray="5 2"'}/>`;
    return line + text(at + 18, y + 10, name);
  });
  return { svg: entries.join("\n"), height: y + LEGEND_LINE - TITLE_HEIGHT + 4 };
}

/** @param {number} i */
function dash(i) {
  return DASHES[Math.floor(i / COLOURS.length) % DASHES.length];
}

/**
 * 1, 2 or 5 times a power of ten.
 *
 * @param {number} most
 */
function tickStep(most) {
  const power = 10 ** Math.floor(Math.log10(most / TICKS));
  return power * ([1, 2, 5].find((factor) => most / (factor * power) <= TICKS) ?? 10);
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} content
 * @param {string} [attributes]
 */
function text(x, y, content, attributes = "") {
  return `<text x="${round(x)}" y="${round(y)}" ${attributes}>${escaped(content)}</text>`;
}

/** @param {string} content */
function escaped(content) {
  return String(content).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/**
 * Three digits that count, at least.
 *
 * @param {number} number
 */
function short(number) {
  if (Number.isInteger(number)) return number.toLocaleString("en-US");
  return number >= 100 ? Math.round(number).toLocaleString("en-US") : String(Number(number.toPrecision(3)));
}

/** @param {number} number */
function round(number) {
  return Math.round(number * 10) / 10;
}
