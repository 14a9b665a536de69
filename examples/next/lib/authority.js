import { bindings } from "@latchkey/client/next";
import { getCloudflareContext } from "@opennextjs/cloudflare";

export const authority = () => bindings(getCloudflareContext().env);
