/** The session in React, Vue and Svelte's stores, each in an element of its own. */
import { createElement, StrictMode } from "react";
import { createRoot, hydrateRoot } from "react-dom/client";
import { derived } from "svelte/store";
import { createApp, h } from "vue";
import { createClient } from "../../../client/dist/index.js";
import { useSession as useReactSession } from "../../../client/dist/react.js";
import { useSession as useVueSession } from "../../../client/dist/vue.js";

const latchkey = createClient();
const textOf = ({ status, user }) => (user ? `${status} ${user.email}` : status);

function element(id) {
  const made = Object.assign(document.createElement("p"), { id });
  document.body.append(made);
  return made;
}

const Shown = () => textOf(useReactSession(latchkey));
const react = createRoot(element("react"));
react.render(createElement(StrictMode, null, createElement(Shown)));

/** Errors of React's hydration, if what the server has rendered is not what the page renders at first. */
const complaints = [];
const rendered = element("hydrated");
rendered.textContent = "unknown";
hydrateRoot(rendered, createElement(Shown), { onRecoverableError: (error) => complaints.push(String(error)) });

const vue = createApp({
  setup() {
    const session = useVueSession(latchkey);
    return () => h("span", textOf(session.value));
  },
});
vue.mount(element("vue"));

const svelte = element("svelte");
const leave = derived(latchkey.session, textOf).subscribe((text) => (svelte.textContent = text));

/** Takes everything off the page but the elements. */
function unmount() {
  react.unmount();
  vue.unmount();
  leave();
}

Object.assign(globalThis, { latchkey, complaints, unmount });
