/**
 * The page that links in mails lead to. It takes the token from the fragment,
 * which no server receives, and sends it when the person presses the button:
 * programs that open every link of a mail, and run the page's scripts, change
 * nothing.
 */
import { ACTIONS, LABELS } from "./words.mjs";

/**
 * @template {HTMLElement} T
 * @param {string} id
 */
const element = (id) => /** @type {T} */ (document.getElementById(id));

const language = navigator.language.startsWith("de") ? "de" : "en";
const labels = LABELS[language];
const [purpose = "", token = ""] = location.hash.slice(1).split("=", 2);
const action = Object.hasOwn(ACTIONS, purpose) ? ACTIONS[purpose] : undefined;
const form = element("form");
const outcome = element("outcome");
const field = /** @type {HTMLInputElement} */ (element("field"));
const button = /** @type {HTMLButtonElement} */ (element("button"));

// The token stays neither in the address bar nor in the history.
history.replaceState(null, "", location.pathname);
// Another link in the same tab changes the fragment alone.
addEventListener("hashchange", () => location.reload());
document.documentElement.lang = language;
if (action) show(action);
else outcome.textContent = labels.nothing;

/** @param {import("./words.mjs").Action} action */
function show(action) {
  const words = action[language];
  document.title = words.title;
  element("title").textContent = words.title;
  element("intro").textContent = words.intro;
  button.textContent = words.button;
  if (action.field) {
    const isPassword = action.field === "newPassword";
    field.type = isPassword ? "password" : "email";
    field.autocomplete = isPassword ? "new-password" : "email";
    field.required = true;
    field.hidden = false;
    const label = element("field-label");
    label.textContent = labels[action.field];
    label.hidden = false;
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send(action);
  });
  form.hidden = false;
}

/** @param {import("./words.mjs").Action} action */
async function send(action) {
  button.disabled = true;
  outcome.textContent = "";
  try {
    const body = {
      ...(action.field === "email" ? {} : { token }),
      ...(action.field ? { [action.field]: field.value } : {}),
    };
    const answer = await fetch(action.path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Accept-Language": language },
      body: JSON.stringify(body),
    });
    if (answer.ok) {
      form.hidden = true;
      outcome.textContent = action[language].done;
      return;
    }
    const problem = await answer.json();
    outcome.textContent = textOf(problem);
    form.hidden = problem.code === "invalid_link";
  } catch {
    outcome.textContent = labels.later;
  }
  button.disabled = false;
}

/** @param {{ code: string, errors?: { message: string }[] }} problem */
function textOf(problem) {
  if (problem.code === "invalid_link") return labels.invalid;
  if (problem.code !== "validation_failed") return labels.later;
  return labels.refused + (problem.errors ?? []).map(({ message }) => message).join(", ");
}
