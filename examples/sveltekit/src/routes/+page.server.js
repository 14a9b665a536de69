export function load({ locals: { caller } }) {
  return { reader: { status: caller.status, user: caller.user } };
}
