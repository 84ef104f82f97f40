"use strict";

/** What both halves of the page use: elements by ID, requests, problems in one line, and the tabs. */
const at = (id) => document.getElementById(id);

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** A request that the studio refused, with the place in the prompt if the reason is there. */
class Refused extends Error {
  constructor(reason, place = null) {
    super(reason);
    this.place = place;
  }
}

/** Sends JSON, or bytes of a kind, and returns the JSON of the answer; throws Refused with one line. */
async function ask(path, value = null, kind = "application/json") {
  const sent = { headers: {} };
  if (value !== null) {
    sent.method = "POST";
    sent.headers["Content-Type"] = kind;
    sent.body = kind === "application/json" ? JSON.stringify(value) : value;
  }
  let answer;
  try {
    answer = await fetch(path, sent);
  } catch {
    throw new Refused("The studio does not answer. Is it still running? Start it again: tunesmith studio");
  }
  const data = await answer.json().catch(() => ({ error: "The studio failed; its terminal says why." }));
  if (!answer.ok) throw new Refused(data.error, data.place);
  return data;
}

function complain(where, error) {
  where.textContent = error === null ? "" : error.message;
  where.hidden = error === null;
  if (error !== null && !(error instanceof Refused)) throw error;
}

/** Runs a task while a button says that it is busy; a second press waits for the first. */
async function busy(button, task) {
  if (button.ariaBusy === "true") return;
  button.ariaBusy = "true";
  try {
    await task();
  } finally {
    button.ariaBusy = "false";
  }
}

const TABS = ["compose", "perform"];

function showTab(name, focus = false) {
  for (const tab of TABS) {
    const button = at(`tab-${tab}`);
    button.ariaSelected = String(tab === name);
    button.tabIndex = tab === name ? 0 : -1;
    at(tab).hidden = tab !== name;
    if (focus && tab === name) button.focus();
  }
  document.dispatchEvent(new CustomEvent("tab", { detail: name }));
}

for (const tab of TABS) {
  at(`tab-${tab}`).addEventListener("click", () => showTab(tab));
  at(`tab-${tab}`).addEventListener("keydown", (event) => {
    if (event.key === "ArrowRight" || event.key === "ArrowLeft") showTab(TABS.find((other) => other !== tab), true);
  });
}

/** Calls the functions of keys that are pressed outside of fields. */
function onKeys(isShown, keys) {
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("textarea, select, input:not([type=range]):not([type=radio])");
    if (!isShown() || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const isPress = event.key === " " && event.target.closest("button, a, summary, [role=radio], [type=checkbox]");
    const action = keys[event.key.toLowerCase()];
    if (!action || isPress) return;
    event.preventDefault();
    action();
  });
}

const state = ask("state");
state.then(({ composer, noComposer, performer, noPerformer }) => {
  for (const [tab, missing] of [["compose", noComposer], ["perform", noPerformer]]) {
    if (missing) at(tab).replaceChildren(element("p", { className: "card missing", textContent: missing }));
  }
  document.addEventListener("tab", ({ detail }) => { at("model").textContent = detail === "compose" ? composer : performer; });
  showTab(location.hash === "#perform" || !composer ? "perform" : "compose");
}).catch((error) => complain(at("problem"), error));
