/** What setup.mjs sets for wrangler: nothing here leaves the machine. */
export const QUIET = {
  CI: "true",
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_WRITE_LOGS: "false",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  MINIFLARE_TELEMETRY_DISABLED: "true",
};
