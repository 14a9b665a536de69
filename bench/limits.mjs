/**
 * How far one D1 primary carries: worked out, not measured, from the results
 * of bench:growth and bench:work, for 10 thousand, a million and a hundred
 * million users:
 *
 *     npm run bench:limits
 *
 * Everything that is assumed stands here, as constants.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Failure, ROOT, main } from "../scripts/lib.mjs";
import { D1_STORAGE_A_GB, money } from "./support/prices.mjs";
import { ms, report } from "../harness/report.mjs";

const SIZES = [10_000, 1_000_000, 100_000_000];

/** Of all users, those who come on a day. */
const ACTIVE_SHARE = 0.3;
/** What one of them does on that day: an hour with the application open, */
const ACTIVE_SECONDS = 3_600;
/** which asks for the profile every three minutes (so that no copy of it is young enough), */
const PROFILE_EVERY_SECONDS = 180;
/** and refreshes when its access token ends (the default of ACCESS_TOKEN_TTL_SECONDS). */
const ACCESS_TOKEN_TTL_SECONDS = 600;
/** The longest there is. */
const LONGEST_ACCESS_TOKEN_TTL_SECONDS = 3_600;
/** How often any user logs in: a session ends after 30 days at the latest, and there are several devices. */
const DAYS_BETWEEN_LOGINS = 10;
/** The busiest hour, in terms of the mean. */
const PEAK = 3;

/**
 * What D1's documentation says of one database: a query at a time; a read by
 * an index takes "less than a millisecond", a write "several milliseconds".
 */
const DOCUMENTED_MS = { read: 1, write: 5 };
const DOCUMENTED_ON = "developers.cloudflare.com/d1/platform/limits, read on 2026-11-21";
/** Beyond half of its time a database keeps people waiting in line. */
const BUSY_AT_MOST = 0.5;
/** As configured by default; a session's beginning and its end. */
const AUDIT_RETENTION_DAYS = 90;
const EVENTS_A_SESSION = 2;
const MAX_DATABASE_GB = 10;
const DAY_SECONDS = 86_400;
const MONTH_DAYS = 30;
const GB = 1e9;

await main(import.meta.url, async () => {
  const growth = resultOf("growth");
  const work = resultOf("work");
  const measured = measuredMs(growth);
  const eventsAUser = (EVENTS_A_SESSION * AUDIT_RETENTION_DAYS) / DAYS_BETWEEN_LOGINS;
  const bytesAnEvent = (growth.bytes.events - growth.bytes.attempts) / (2 * growth.to);
  const bytesAUser = growth.bytes.attempts / growth.to + eventsAUser * bytesAnEvent;
  const prices = Object.fromEntries(work.own.map(({ name, price }) => [name, price.total]));
  const usual = SIZES.map((users) => worked(users, ACCESS_TOKEN_TTL_SECONDS, { measured, bytesAUser, prices }));
  const longer = SIZES.map((users) =>
    worked(users, LONGEST_ACCESS_TOKEN_TTL_SECONDS, { measured, bytesAUser, prices }),
  );
  const names = SIZES.map((users) => users.toLocaleString("en-US"));
  return report("limits", {
    title: "How far one D1 primary carries",
    command: "npm run bench:limits",
    tables: [
      {
        title: "Time of the database for one request",
        columns: ["request", "as D1's documentation says", "measured here"],
        rows: [
          ["refresh, one writing batch", ms(DOCUMENTED_MS.write), ms(measured.refresh)],
          ["login, two writing batches", ms(2 * DOCUMENTED_MS.write), ms(measured.login)],
          ["profile, one read", ms(DOCUMENTED_MS.read), ms(measured.profile)],
          [
            "refreshes a second, if there were nothing else",
            Math.floor(1_000 / DOCUMENTED_MS.write),
            Math.floor(1_000 / measured.refresh),
          ],
        ],
        note: `Documentation: ${DOCUMENTED_ON}; for "less than a millisecond" 1 ms is taken, for "several milliseconds" ${DOCUMENTED_MS.write} ms. Here: ${growth.to.toLocaleString("en-US")} users, embedded D1, which keeps one copy on one disk; the figures for login and profile are what the Worker waits.`,
      },
      {
        title: `Load by the number of users, at the peak (${PEAK} times the mean)`,
        columns: ["users", ...names],
        rows: [
          ["refreshes a second", ...usual.map(({ peak }) => digits(peak.refreshes))],
          ["logins a second", ...usual.map(({ peak }) => digits(peak.logins))],
          ["profiles read from D1 a second", ...usual.map(({ peak }) => digits(peak.profiles))],
          ["one database is busy, by the documentation", ...usual.map(({ busy }) => percent(busy.documented))],
          ["one database is busy, as measured here", ...usual.map(({ busy }) => percent(busy.measured))],
          [
            `with access tokens of ${LONGEST_ACCESS_TOKEN_TTL_SECONDS / 60} minutes, by the documentation`,
            ...longer.map(({ busy }) => percent(busy.documented)),
          ],
          [
            "with 60 minutes, and the profiles read elsewhere (replicas, or kept by the front end)",
            ...longer.map(({ busy }) => percent(busy.documentedWrites)),
          ],
          ["storage", ...usual.map(({ storageGb }) => `${digits(storageGb)} GB`)],
          [
            `databases for at most ${percent(BUSY_AT_MOST)} busy and ${MAX_DATABASE_GB} GB`,
            ...usual.map(({ databases }) => databases),
          ],
          [
            `the same with access tokens of ${LONGEST_ACCESS_TOKEN_TTL_SECONDS / 60} minutes`,
            ...longer.map(({ databases }) => databases),
          ],
        ],
        note: `On a day ${percent(ACTIVE_SHARE)} of the users come, each for ${ACTIVE_SECONDS / 3_600} hour, with an access token of ${ACCESS_TOKEN_TTL_SECONDS / 60} minutes and a profile every ${PROFILE_EVERY_SECONDS / 60} minutes; everybody logs in every ${DAYS_BETWEEN_LOGINS} days. A user with two sessions and ${eventsAUser} events of the audit log is ${Math.round(bytesAUser)} bytes.`,
      },
      {
        title: "The bill of a month by the number of users, in US dollars",
        columns: ["users", ...names],
        rows: [
          ["refreshes", ...usual.map(({ bill }) => whole(bill.refreshes))],
          ["logins", ...usual.map(({ bill }) => whole(bill.logins))],
          ["profiles, cached and never young enough", ...usual.map(({ bill }) => whole(bill.cold))],
          ["profiles, strict", ...usual.map(({ bill }) => whole(bill.strict))],
          ["storage", ...usual.map(({ bill }) => whole(bill.storage))],
        ],
        note: "By the price list of bench:work, with nothing taken off for what the plan includes.",
      },
    ],
    plots: [
      {
        file: "busy",
        title: "How busy one database is at the peak with a million users",
        unit: "percent of its time",
        bars: [
          { label: "by D1's documentation", value: 100 * usual[1].busy.documented },
          { label: "as measured here", value: 100 * usual[1].busy.measured },
          { label: "tokens of 60 minutes", value: 100 * longer[1].busy.documented },
          { label: "and without profiles", value: 100 * longer[1].busy.documentedWrites },
        ],
        mark: { value: 100 * BUSY_AT_MOST, label: "half of its time" },
      },
    ],
    data: { usual, longer },
  });
});

function resultOf(name) {
  try {
    return JSON.parse(readFileSync(join(ROOT, "bench", "results", `${name}.json`), "utf8")).data;
  } catch {
    throw new Failure(`There is no result of bench:${name}. Run: npm run bench:${name}`);
  }
}

function measuredMs({ requests, occupiedMs, to }) {
  const waited = (name) => requests.find((request) => request.name === name).d1.at(-1);
  return { refresh: occupiedMs[to], login: waited("login"), profile: waited("profile, cold") };
}

function worked(users, accessTokenSeconds, { measured, bytesAUser, prices }) {
  const active = users * ACTIVE_SHARE;
  const daily = {
    refreshes: (active * ACTIVE_SECONDS) / accessTokenSeconds,
    logins: users / DAYS_BETWEEN_LOGINS,
    profiles: (active * ACTIVE_SECONDS) / PROFILE_EVERY_SECONDS,
  };
  const peak = Object.fromEntries(Object.entries(daily).map(([what, count]) => [what, (count / DAY_SECONDS) * PEAK]));
  const { read, write } = DOCUMENTED_MS;
  const documentedWrites = (peak.refreshes * write + peak.logins * 2 * write) / 1_000;
  const documented = documentedWrites + (peak.profiles * read) / 1_000;
  const busy = {
    documented,
    documentedWrites,
    measured:
      (peak.refreshes * measured.refresh + peak.logins * measured.login + peak.profiles * measured.profile) / 1_000,
  };
  const storageGb = (users * bytesAUser) / GB;
  const monthly = (count, price) => (count * MONTH_DAYS * price) / 1e6;
  return {
    users,
    daily,
    peak,
    busy,
    storageGb,
    databases: Math.max(Math.ceil(documented / BUSY_AT_MOST), Math.ceil(storageGb / MAX_DATABASE_GB)),
    bill: {
      refreshes: monthly(daily.refreshes, prices.refresh),
      logins: monthly(daily.logins, prices.login),
      cold: monthly(daily.profiles, prices["profile, cold"]),
      strict: monthly(daily.profiles, prices["profile, strict"]),
      storage: storageGb * D1_STORAGE_A_GB,
    },
  };
}

function digits(number) {
  return number >= 100 ? Math.round(number).toLocaleString("en-US") : String(Number(number.toPrecision(2)));
}

function percent(share) {
  return `${digits(100 * share)} %`;
}

function whole(amount) {
  return amount < 10 ? money(amount) : `$${Math.round(amount).toLocaleString("en-US")}`;
}
