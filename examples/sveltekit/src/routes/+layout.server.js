/** Runs beside the `load` of the page: neither may refresh. */
export function load({ locals }) {
  return { caller: visible(locals.caller) };
}

/** What the browser may know: an error's text is for the log. */
function visible({ status, user }) {
  return { status, user };
}
