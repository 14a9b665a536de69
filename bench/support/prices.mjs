/**
 * Cloudflare's public price list, as far as a request here touches it: what is
 * paid beyond the included amounts of the Workers Paid plan (5 dollars a
 * month), in dollars.
 */

/**
 * When the pages were read, in the repository of Cloudflare's documentation
 * (cloudflare/cloudflare-docs): which commit of each stands in the table.
 */
export const READ_ON = "2026-11-21";

const WORKERS = "workers/platform/pricing, 07acbb6";
const D1 = "d1/platform/pricing, 25a83ce";
const KV = "kv/platform/pricing, 16f657e";

export const PRICES = [
  { what: "Workers requests", aMillion: 0.3, included: "10 million a month", source: WORKERS },
  { what: "Workers CPU, milliseconds", aMillion: 0.02, included: "30 million a month", source: WORKERS },
  { what: "D1 rows read", aMillion: 0.001, included: "25 billion a month", source: D1 },
  { what: "D1 rows written", aMillion: 1, included: "50 million a month", source: D1 },
  { what: "KV keys read", aMillion: 0.5, included: "10 million a month", source: KV },
  { what: "KV keys written", aMillion: 5, included: "1 million a month", source: KV },
  { what: "KV keys deleted", aMillion: 5, included: "1 million a month", source: KV },
  { what: "KV list requests", aMillion: 5, included: "1 million a month", source: KV },
];
/** Dollars for a GB and month, beyond 5 GB. */
export const D1_STORAGE_A_GB = 0.75;

const dollars = Object.fromEntries(PRICES.map(({ what, aMillion }) => [what, aMillion]));

/**
 * What a million of a request costs, by part; `cpuMs` is null where nobody has
 * measured it. The list has no entry for rate limiters.
 */
export function priceOfAMillion({ rowsRead, rowsWritten, kvReads, kvWrites, kvDeletes, kvLists }, cpuMs = null) {
  const request = dollars["Workers requests"];
  const cpu = cpuMs === null ? null : cpuMs * dollars["Workers CPU, milliseconds"];
  const d1 = rowsRead * dollars["D1 rows read"] + rowsWritten * dollars["D1 rows written"];
  const kv =
    kvReads * dollars["KV keys read"] +
    kvWrites * dollars["KV keys written"] +
    kvDeletes * dollars["KV keys deleted"] +
    kvLists * dollars["KV list requests"];
  return { request, cpu, d1, kv, total: request + (cpu ?? 0) + d1 + kv };
}

export function money(amount) {
  return amount === null ? "not measured" : `$${amount.toFixed(amount < 0.1 && amount > 0 ? 3 : 2)}`;
}
