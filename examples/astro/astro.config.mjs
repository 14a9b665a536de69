import cloudflare from "@astrojs/cloudflare";
import { defineConfig } from "astro/config";

export default defineConfig({
  output: "server",
  // Latchkey has the sessions: Astro's own, and images, would each need another binding.
  session: false,
  adapter: cloudflare({ imageService: "passthrough" }),
});
