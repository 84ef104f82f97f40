// The page of a listening test. LISTENING (test.js) has the test's data; answers go to the server that sent the page, or
// are kept in the browser until the listener downloads them.
"use strict";

(() => {
  const test = LISTENING;
  const isPair = test.kind === "pair";
  const storageName = `tunesmith-listening-${test.test}`;
  const main = document.getElementById("main");
  const status = document.getElementById("status");
  let state;
  state = restored();
  let session = null; // the listener's items, and which of them are answered
  let keys = {}; // what a key does on the current screen

  // ---- state: in the browser's storage, so that a reload loses nothing ----

  function restored() {
    try {
      const stored = JSON.parse(localStorage.getItem(storageName));
      if (/^[0-9a-f]{32}$/.test(stored?.listener) && stored.answers) return stored;
    } catch { /* no storage, or not ours: a new listener */ }
    return state ?? { listener: randomId(), sheet: null, practised: 0, answers: {} };
  }

  function keep() {
    try {
      localStorage.setItem(storageName, JSON.stringify(state));
    } catch {
      status.textContent = "This browser stores nothing: do not close or reload the page before you are done.";
    }
  }

  function randomId() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  // ---- where answers go ----

  async function post(path, value) {
    const response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ listener: state.listener, ...value }),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    return answer;
  }

  async function begin() {
    if (test.served) {
      const begun = await post("begin", {});
      session = { items: begun.items, answered: new Set(begun.answered) };
    } else {
      if (state.sheet === null) {
        const [random] = crypto.getRandomValues(new Uint32Array(1));
        state.sheet = Math.floor((random / 2 ** 32) * test.sheets.length);
      }
      session = { items: test.sheets[state.sheet], answered: new Set(Object.keys(state.answers)) };
    }
    keep();
  }

  async function store(item, answer, heard) {
    if (test.served) {
      await post("answer", { item, answer, heard });
    } else {
      state = restored(); // another page may have answered meanwhile
      const time = new Date().toISOString();
      state.answers[item] ??= { test: test.test, listener: state.listener, sheet: state.sheet, item, answer, heard, time };
      keep();
      for (const known of Object.keys(state.answers)) session.answered.add(known);
    }
    session.answered.add(item);
  }

  function download() {
    state = restored();
    const first = { test: test.test, listener: state.listener, sheet: state.sheet, begin: true };
    const lines = [first, ...Object.values(state.answers)].map((line) => JSON.stringify(line) + "\n");
    const link = h("a", {
      href: URL.createObjectURL(new Blob(lines, { type: "application/jsonl" })),
      download: `answers-${state.listener.slice(0, 8)}.jsonl`,
    });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  // ---- parts of a screen ----

  function h(tag, properties = {}, ...children) {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  }

  function show(title, ...children) {
    keys = {};
    status.textContent = "";
    const heading = h("h1", { tabIndex: -1 }, title);
    main.replaceChildren(heading, ...children);
    window.scrollTo(0, 0);
    heading.focus({ preventScroll: true });
  }

  const clock = (seconds) =>
    `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

  function player(clip, label, players) {
    const audio = new Audio(`clips/${clip}.wav`);
    audio.preload = "auto";
    const button = h("button", { type: "button", className: "play" });
    button.setAttribute("aria-label", `Play ${label}`);
    const place = h("input", { type: "range", min: 0, max: 1, step: 0.01, value: 0 });
    place.setAttribute("aria-label", `Place in ${label}`);
    const now = h("span", {}, clock(0)), end = h("span", {}, "");
    const track = h("div", { className: "track" }, place, h("div", { className: "times" }, now, end));
    const node = h("section", { className: "clip" }, h("div", { className: "row" }, h("h2", {}, label), button, track));
    const self = {
      node,
      audio,
      clip,
      label,
      heard() {
        let sum = 0;
        for (let i = 0; i < audio.played.length; i++) sum += audio.played.end(i) - audio.played.start(i);
        return sum;
      },
      left() {
        const least = Math.min(test.hear, Number.isFinite(audio.duration) ? audio.duration - 0.5 : Infinity);
        return Math.max(0, least - self.heard());
      },
      toggle() {
        if (!audio.paused) return audio.pause();
        for (const other of players) if (other !== self) other.audio.pause();
        return audio.play().catch(() => undefined); // the error event tells the listener
      },
    };
    const update = () => {
      node.classList.toggle("playing", !audio.paused);
      button.setAttribute("aria-label", `${audio.paused ? "Play" : "Pause"} ${label}`);
      now.textContent = clock(audio.currentTime);
      place.value = audio.currentTime;
      place.setAttribute("aria-valuetext", clock(audio.currentTime));
    };
    for (const name of ["play", "pause", "timeupdate", "seeked", "ended"]) audio.addEventListener(name, update);
    audio.addEventListener("loadedmetadata", () => {
      place.max = audio.duration;
      end.textContent = clock(audio.duration);
    });
    audio.addEventListener("error", () => {
      status.textContent = "The sound could not be loaded: reload the page.";
    });
    place.addEventListener("input", () => (audio.currentTime = Number(place.value)));
    button.addEventListener("click", () => self.toggle());
    return self;
  }

  /* Return a node with the question, and a function that gives the answer, or undefined while there is none. */

  function pairQuestion(players, changed) {
    const options = [...players.map((each) => [each.clip, each.label]), [test.cannotTell, "I cannot tell"]];
    const inputs = options.map(([value]) => h("input", { type: "radio", name: "answer", value, onchange: changed }));
    inputs.forEach((input, index) => {
      keys[String(index + 1)] = () => {
        input.checked = true;
        input.focus();
        changed();
      };
    });
    const choices = options.map(([, label], index) => h("label", { className: "choice" }, inputs[index], label));
    const legend = h("legend", {}, "Which version did a person play?");
    const node = h("fieldset", {}, legend, h("div", { className: "choices" }, ...choices));
    return { node, answer: () => inputs.find((input) => input.checked)?.value };
  }

  function ratingQuestion(players, changed) {
    const ratings = new Map();
    for (const { node, clip, label } of players) {
      const shown = h("b", {}, "–");
      const input = h("input", { type: "range", min: 0, max: 100, step: 1, value: 50 });
      input.setAttribute("aria-label", `Rating of ${label}`);
      const part = h("div", { className: "rating unset" },
        h("div", { className: "value" }, h("span", {}, "Like a person's playing?"), shown), input,
        h("div", { className: "scale" }, h("span", {}, "0 not at all"), h("span", {}, "100 just like it")));
      const rate = () => {
        ratings.set(clip, Number(input.value));
        shown.textContent = input.value;
        part.classList.remove("unset");
        changed();
      };
      input.addEventListener("input", rate);
      input.addEventListener("change", rate);
      input.addEventListener("pointerup", rate); // a rating of 50 needs no movement
      node.append(part);
    }
    return {
      node: h("p", { className: "soft" }, "Move each slider; versions may have the same rating."),
      answer: () => (ratings.size === players.length ? Object.fromEntries(ratings) : undefined),
    };
  }

  // ---- screens ----

  function items(title, done, total, shown, submit) {
    const players = [];
    shown.clips.forEach((clip, index) => players.push(player(clip, "ABCDEFGH"[index], players)));
    const next = h("button", { type: "button", disabled: true }, "Next");
    const note = h("p", { className: "soft note" });
    const top = h("div", { className: "top" }, h("span", {}, `${done} of ${total} answered`));
    const head = [top, h("progress", { max: total, value: done })];
    const clips = h("div", { className: "clips" }, ...players.map((each) => each.node));
    const actions = h("div", { className: "actions" }, next);
    show(title);
    const question = (isPair ? pairQuestion : ratingQuestion)(players, () => check());

    function check() {
      const waiting = players.filter((each) => each.left() > 0);
      const list = waiting.map((each) => `${Math.ceil(each.left())} s of ${each.label}`).join(" and ");
      const missing = isPair ? "Choose an answer." : "Rate each version.";
      note.textContent = list ? `Listen to at least ${list} more.` : question.answer() === undefined ? missing : "";
      next.disabled = Boolean(list) || question.answer() === undefined;
    }

    next.addEventListener("click", async () => {
      next.disabled = true;
      for (const each of players) each.audio.pause();
      const heard = Object.fromEntries(players.map((each) => [each.clip, Math.round(each.heard() * 10) / 10]));
      try {
        await submit(question.answer(), heard);
        for (const each of players) each.audio.removeAttribute("src");
      } catch (error) {
        status.textContent = `Your answer is not stored yet (${error.message}). Try again.`;
        next.disabled = false;
      }
    });
    for (const each of players) {
      for (const name of ["timeupdate", "ended", "pause", "loadedmetadata"]) each.audio.addEventListener(name, check);
      keys[each.label.toLowerCase()] = () => each.toggle();
    }
    keys.Enter = () => next.click();
    if (!test.served) actions.append(stopHere());
    const letters = players.map((each) => each.label).join(", ");
    const help = `Keys: ${letters} play${isPair ? ", 1 to 3 answer" : ""}, Enter continues.`;
    main.prepend(...head);
    main.append(clips, question.node, note, actions, h("p", { className: "soft keys" }, help));
    check();
  }

  function stopHere() {
    return h("button", { type: "button", className: "quiet", onclick: download }, "Save my answers so far");
  }

  function feedback(practice, answer) {
    const label = "ABCDEFGH"[practice.clips.indexOf(practice.human)];
    const other = "BA"[practice.clips.indexOf(practice.human)];
    const isRight = isPair ? answer === practice.human : answer[practice.human] >= Math.max(...Object.values(answer));
    const verdict = isRight ? "That is right." : answer === test.cannotTell ? "The solution:" : "That is not it.";
    const next = h("button", { type: "button", onclick: advance }, "Continue");
    show("Practice",
      h("p", { className: isRight ? "good" : "" }, verdict),
      h("p", {}, `A person played ${label}. In ${other}, all notes have the same loudness. Differences in the test are `
        + "often smaller, and no solutions are shown."),
      h("div", { className: "actions" }, next));
    keys.Enter = () => next.click();
  }

  function practise() {
    const number = state.practised;
    const practice = test.practice[number];
    const title = `Practice ${number + 1} of ${test.practice.length}`;
    items(title, number, test.practice.length, practice, (answer) => {
      state = restored(); // another page may have answered meanwhile
      state.practised = Math.max(state.practised, number + 1);
      keep();
      feedback(practice, answer);
    });
  }

  function advance() {
    if (state.practised < test.practice.length) return practise();
    const next = session.items.find((each) => !session.answered.has(each.item));
    if (next === undefined) return end();
    const done = session.items.filter((each) => session.answered.has(each.item)).length;
    return items(`Piece ${done + 1}`, done, session.items.length, next, async (answer, heard) => {
      await store(next.item, answer, heard);
      advance();
    });
  }

  function end() {
    if (test.served) {
      show("Thank you", h("p", {}, "All your answers are stored. You can close this page."));
    } else {
      show("Thank you",
        h("p", {}, "Your answers are complete. Download them, and send the file to whoever invited you."),
        h("div", { className: "actions" },
          h("button", { type: "button", onclick: download }, "Download my answers")));
    }
  }

  function welcome() {
    const total = (test.served ? session.items : test.sheets[0]).length;
    const task = isPair
      ? `You will hear ${total} pieces for piano, each in two versions with the same notes at the same times. In one `
        + "version, a person played each note louder or softer; in the other, a computer did. Find the person's version."
      : `You will hear ${total} pieces for piano, each in several versions with the same notes at the same times. They `
        + "differ in how loud each note is, as a person played it or as a computer did. Rate how much each version "
        + "sounds like a person's playing.";
    const start = h("button", { type: "button", onclick: advance }, state.practised ? "Continue" : "Start");
    const points = [
      "Use headphones in a quiet place. Set the volume now and leave it.",
      `Listen to each version as often as you like${test.hear ? `, for at least ${test.hear} s` : ""}.`,
      ...(isPair ? ["If you cannot tell, say so: that is an answer too."] : []),
      ...(test.practice.length ? ["You begin with practice, where the solution is shown."] : []),
      "You can stop at any time, and continue later in this browser.",
      "Your answers are anonymous: a random number is all that is stored about you.",
    ];
    show("Listening test", h("p", {}, task), h("ul", {}, ...points.map((point) => h("li", {}, point))),
      h("div", { className: "actions" }, start));
    keys.Enter = () => start.click();
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    if (event.key === "Enter" && event.target instanceof HTMLButtonElement) return; // it clicks the button
    const action = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  });

  async function start() {
    try {
      await begin();
      welcome();
    } catch (error) {
      const again = h("button", { type: "button", onclick: start }, "Try again");
      show("Listening test", h("p", { className: "bad" }, `The test could not be loaded: ${error.message}`),
        h("div", { className: "actions" }, again));
    }
  }

  start();
})();
