/** The floor in JavaScript: a Worker that does nothing. */
export default {
  fetch: () => Response.json({ status: "ok" }),
};
