/**
 * Log lines end here. The local runtime formats each for a console and writes
 * it to a pipe, and loads the code that formats before the first one: neither
 * is part of a Worker on Cloudflare's network, and the others that are
 * compared write no lines. bench:cpu shows what one costs. Import it first.
 */
for (const method of ["log", "error"]) console[method] = () => {};
