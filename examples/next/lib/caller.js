import { readCaller } from "@latchkey/client/next";
import { headers } from "next/headers";
import { cache } from "react";
import { authority } from "./authority.js";

/** Who sent the request, asked once for all components of a page. The middleware has refreshed already. */
export const caller = cache(async () => {
  // First: it tells Next.js that the page is made for each request. While building there are no bindings.
  const cookie = (await headers()).get("Cookie") ?? "";
  return readCaller(authority(), cookie);
});
