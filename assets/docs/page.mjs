/** Shows the document of the service that serves this page, and asks nobody else. */
globalThis.SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  // Otherwise the document would be sent to a validator of a third party.
  validatorUrl: null,
});
