/**
 * Tokens that must not be accepted, by family.
 *
 * A forgery is `{family, name, make(kit), only?, expired?}`. `make` takes the
 * kit of one kind of token (see `toolkit`); `only` names the kind it makes sense
 * for; `expired` marks those that are authentic, but over: the only thing they
 * may still do is to end their session.
 */
import * as claims from "./forgeries/claims.mjs";
import * as form from "./forgeries/form.mjs";
import * as header from "./forgeries/header.mjs";

export { ACCESS, MAX_TOKEN_BYTES, REFRESH, toolkit } from "./forgeries/kit.mjs";

export const FORGERIES = [header, claims, form].flatMap((families) => Object.values(families).flat());
