"use strict";

/** Composing: the options, the tune with its kept bars, the session's list, and favourites. */
(() => {
  const TONICS = ["C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];
  const MODES = ["major", "minor", "dorian", "mixolydian"];
  const METRES = ["2/4", "3/4", "4/4", "2/2", "6/8", "9/8", "12/8"];
  const INSTRUMENTS = ["violin", "flute", "acoustic grand piano", "accordion", "acoustic guitar (nylon)", "banjo",
    "clarinet", "dulcimer", "music box", "orchestral harp"];
  const FORMATS = { midi: "MIDI", musicxml: "MusicXML", abc: "ABC", svg: "SVG", wav: "WAV" };
  const MORE_BARS = 8, MOST_BARS = 128;

  const made = [];  // the session's tunes, with their music, the latest last
  let shown = null, player = null, kept = new Set(), favourites = [];

  function fill() {
    const free = element("option", { value: "", textContent: "any" });
    at("metre").append(free.cloneNode(true), ...METRES.map((metre) => new Option(metre)));
    at("key").append(free);
    for (const mode of MODES) {
      const group = element("optgroup", { label: mode });
      group.append(...TONICS.map((tonic) => new Option(`${tonic} ${mode}`)));
      at("key").append(group);
    }
    at("instrument").append(...INSTRUMENTS.map((name) => new Option(name)));
    for (const [form, label] of Object.entries(FORMATS)) {
      at("downloads").append(element("a", { className: "button", textContent: label, id: `get-${form}`, download: "" }));
    }
  }

  const newSeed = () => Math.floor(Math.random() * 1e6);

  function options() {
    return {
      bars: Number(at("bars").value), key: at("key").value, metre: at("metre").value, form: at("form").value.trim(),
      temperature: Number(at("temperature").value), top_p: Number(at("top-p").value),
      seed: at("seed").value === "" ? newSeed() : Number(at("seed").value),
      prompt: at("prompt").value.trim() ? at("prompt").value : "", tempo: Number(at("tempo").value),
    };
  }

  // The tune

  const isFavourite = (id) => favourites.some((tune) => tune.id === id);
  const barNumbers = ({ bars, pickup }) => Array.from({ length: bars + (pickup ? 1 : 0) }, (_, i) => i + (pickup ? 0 : 1));

  const counted = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

  function facts({ bars, notes, kept: before, how, options: { seed, temperature, form } }) {
    const source = how === "composed" ? "" : `${how}, ${counted(before.length, "bar")} kept`;
    return [counted(bars, "bar"), counted(notes, "note"), form, source, `temperature ${temperature}`, `seed ${seed}`]
      .filter(Boolean).join(" · ");
  }

  function show(tune, { play = false } = {}) {
    shown = tune;
    kept = new Set();
    at("welcome").hidden = true;
    at("tune").hidden = false;
    at("tune-title").textContent = `${tune.key}, ${tune.metre}`;
    at("tune-facts").textContent = facts(tune);
    at("tune-remarks").textContent = tune.remarks.join(" · ");
    if (player) {
      player.pause();
      player.seek(0);
      player.update(tune.music);
    } else {
      player = tunesmithPlayer(at("player"), tune.music);
    }
    at("tempo").value = tune.options.tempo;
    markBars();
    links();
    lists();
    if (play) player.play();
  }

  /** Makes bars in the score and in the row below it pressable. */
  function markBars() {
    const numbers = barNumbers(shown);
    const measures = [...at("player").querySelectorAll("g.measure")];
    at("chips").replaceChildren(...numbers.map((bar, place) => {
      const chip = element("button", { type: "button", className: "chip", textContent: bar === 0 ? "↑" : bar });
      chip.ariaLabel = bar === 0 ? "Pickup" : `Bar ${bar}`;
      chip.dataset.bar = bar;
      chip.addEventListener("click", () => toggle(bar));
      const staff = measures[place]?.querySelector("g.staff");
      if (staff) {
        const box = staff.getBBox();
        const back = document.createElementNS("http://www.w3.org/2000/svg", "rect");
        for (const [name, value] of Object.entries({ x: box.x, y: box.y - 150, width: box.width, height: box.height + 300, rx: 60 })) {
          back.setAttribute(name, value);
        }
        back.classList.add("bar");
        back.dataset.bar = bar;
        back.addEventListener("click", () => toggle(bar));
        measures[place].prepend(back);
      }
      return chip;
    }));
    showKept();
  }

  function toggle(bar) {
    if (!kept.delete(bar)) kept.add(bar);
    showKept();
  }

  function showKept() {
    for (const part of document.querySelectorAll("#chips .chip, #player .bar")) {
      const isKept = kept.has(Number(part.dataset.bar));
      part.classList.toggle("kept", isKept);
      if (part.classList.contains("chip")) part.ariaPressed = String(isKept);
    }
    at("again").disabled = kept.size === 0 || kept.size === barNumbers(shown).length;
    at("extend").disabled = shown.bars + MORE_BARS > MOST_BARS;
    at("undo").disabled = made.indexOf(shown) < 1;
    const isStarred = isFavourite(shown.id);
    at("star").textContent = isStarred ? "★" : "☆";
    at("star").ariaPressed = String(isStarred);
    at("star").ariaLabel = "Favourite";
  }

  function links() {
    for (const form of Object.keys(FORMATS)) {
      at(`get-${form}`).href = `tunes/${shown.id}/${form}?instrument=${encodeURIComponent(at("instrument").value)}`;
    }
  }

  // Requests

  /** Returns the address of a request whose answer has an engraved page: a narrow one for phones. */
  const engraved = (path) => (matchMedia("(max-width: 40rem)").matches ? `${path}?narrow` : path);

  function showPromptProblem(error) {
    const { place } = error, text = at("prompt").value;
    at("prompt-part").open = true;
    at("prompt-problem").textContent = place.line ? `Line ${place.line}, column ${place.begin + 1}: ${error.message}` : error.message;
    at("prompt").ariaInvalid = "true";
    if (!place.line) return;
    const start = text.split("\n").slice(0, place.line - 1).reduce((sum, line) => sum + line.length + 1, 0);
    const [begin, end] = [start + place.begin, start + Math.max(place.end, place.begin + 1)];
    at("mirror").replaceChildren(text.slice(0, begin), element("mark", { textContent: text.slice(begin, end) || " " }), text.slice(end));
    at("prompt").focus();
    at("prompt").setSelectionRange(begin, end);
  }

  function clearPromptProblem() {
    at("prompt-problem").textContent = "";
    at("prompt").ariaInvalid = "false";
    at("mirror").replaceChildren();
  }

  async function make(button, path, value) {
    await busy(button, async () => {
      complain(at("problem"), null);
      clearPromptProblem();
      try {
        const tune = await ask(engraved(path), value);
        made.push(tune);
        show(tune, { play: at("play-at-once").checked });
      } catch (error) {
        if (error.place) showPromptProblem(error);
        else complain(at("problem"), error);
      }
    });
  }

  const compose = () => make(at("make"), "compose", options());

  /** Composes the bars that are not kept again; at another seed than the tune's, unless one is given. */
  function composeAgain(button, how, keep, bars) {
    const other = { ...options(), bars };
    return make(button, "again", { source: shown.id, how, keep: [...keep], options: other });
  }

  function again() {
    const keep = kept;
    return at("again").disabled || composeAgain(at("again"), "composed again", keep, shown.bars).then(() => {
      kept = new Set([...keep].filter((bar) => barNumbers(shown).includes(bar)));
      showKept();
    });
  }

  function vary() {
    const free = (bar) => bar > 0 && (bar - 1) % 4 >= 2;
    const keep = kept.size ? kept : barNumbers(shown).filter((bar) => !free(bar) && shown.bars > 2);
    return composeAgain(at("vary"), "varied", keep, shown.bars);
  }

  const extend = () => at("extend").disabled || composeAgain(at("extend"), "continued", barNumbers(shown), shown.bars + MORE_BARS);

  function undo() {
    const place = made.indexOf(shown);
    if (place > 0) show(made[place - 1]);
  }

  async function setTempo() {
    const tempo = Number(at("tempo").value);
    if (!shown || !at("tempo").checkValidity() || tempo === shown.options.tempo) return;
    await busy(at("tempo"), async () => {
      try {
        const tune = await ask(engraved("tempo"), { id: shown.id, tempo });
        const place = made.indexOf(shown), keep = kept;
        if (place >= 0) made[place] = tune;
        show(tune);
        kept = keep;
        showKept();
      } catch (error) {
        complain(at("problem"), error);
      }
    });
  }

  async function star(id, keep) {
    try {
      ({ favourites } = await ask("favourites", { id, keep }));
      complain(at("problem"), null);
    } catch (error) {
      complain(at("problem"), error);
    }
    lists();
    if (shown) showKept();
  }

  // Lists

  function item(tune, number, open, remove = null) {
    const label = number === null ? tune.name : `${number}. ${tune.how}, seed ${tune.options.seed}`;
    const button = element("button", { type: "button", className: "entry" },
      element("b", { textContent: `${tune.key}, ${tune.metre}` }), element("span", { textContent: `${label}, ${counted(tune.bars, "bar")}` }));
    if (shown && shown.id === tune.id) button.ariaCurrent = "true";
    button.addEventListener("click", open);
    const row = element("li", {}, button);
    if (remove) {
      const cross = element("button", { type: "button", className: "quiet", textContent: "✕", ariaLabel: `Remove ${tune.name}` });
      cross.addEventListener("click", remove);
      row.append(cross);
    } else if (isFavourite(tune.id)) {
      row.append(element("span", { className: "starred", textContent: "★", ariaLabel: "a favourite" }));
    }
    return row;
  }

  function lists() {
    at("history").replaceChildren(...made.map((tune, i) => item(tune, i + 1, () => show(tune))).reverse());
    at("no-history").hidden = made.length > 0;
    at("favourites").replaceChildren(...favourites.map((tune) =>
      item(tune, null, () => openFavourite(tune.id), () => star(tune.id, false))));
    at("no-favourites").hidden = favourites.length > 0;
  }

  async function openFavourite(id) {
    const mine = made.find((tune) => tune.id === id);
    if (mine) return show(mine);
    try {
      show(await ask(engraved(`tunes/${id}`)));
    } catch (error) {
      complain(at("problem"), error);
    }
  }

  /** Reads favourites that another studio on the same home folder may have added. */
  async function refresh() {
    ({ favourites } = await ask("state"));
    lists();
    if (shown) showKept();
  }

  state.then((begun) => {
    if (!begun.composer) return;
    ({ favourites } = begun);
    fill();
    lists();
    const showTemperature = () => { at("temperature-value").textContent = Number(at("temperature").value).toFixed(2); };
    at("temperature").addEventListener("input", showTemperature);
    showTemperature();
    at("options").addEventListener("submit", (event) => {
      event.preventDefault();
      if (at("options").reportValidity()) compose();
    });
    at("prompt").addEventListener("input", clearPromptProblem);
    at("prompt").addEventListener("scroll", () => { at("mirror").scrollTop = at("prompt").scrollTop; });
    at("prompt").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) compose();
    });
    at("again").addEventListener("click", again);
    at("vary").addEventListener("click", vary);
    at("extend").addEventListener("click", extend);
    at("undo").addEventListener("click", undo);
    at("star").addEventListener("click", () => star(shown.id, !isFavourite(shown.id)));
    at("tempo").addEventListener("change", setTempo);
    at("instrument").addEventListener("change", () => shown && links());
    document.addEventListener("tab", ({ detail }) => detail !== "compose" && player && player.pause());
    window.addEventListener("focus", () => refresh().catch(() => {}));
    const whenShown = (action) => () => shown && action();
    onKeys(() => !at("compose").hidden, {
      c: compose, a: whenShown(again), v: whenShown(vary), n: whenShown(extend), u: whenShown(undo),
      " ": whenShown(() => (player.isPlaying() ? player.pause() : player.play())),
    });
  }).catch(() => {});
})();
