"use strict";

/** Performing: a MIDI file is dropped, and its notes are heard flat, in a style, or between two styles. */
(() => {
  const DELAY_MS = 120;
  let piece = null, player = null, styles = [], mostBytes = 0, waiting = null, asked = 0;

  const chosen = () => at("styles").querySelector("[aria-checked=true]").dataset.style;

  function mix() {
    const style = chosen();
    if (style === "flat") return {};
    if (style !== "blend") return { [style.slice(1)]: 1 };
    const share = Number(at("share").value), [first, second] = [at("from").value, at("to").value];
    return first === second ? { [first]: 1 } : { [first]: 1 - share, [second]: share };
  }

  async function perform() {
    const number = asked += 1;
    try {
      const performed = await ask("perform", {
        piece: piece.piece, mix: mix(), amount: Number(at("amount").value), human: at("human").checked,
      });
      if (number !== asked) return;  // a later one is under way
      performed.music.title = piece.name;
      if (player) player.update(performed.music);
      else player = tunesmithPlayer(at("piece-player"), performed.music);
      at("performed").href = `performances/${performed.performance}`;
      complain(at("piece-problem"), null);
    } catch (error) {
      complain(at("piece-problem"), error);
    }
  }

  function performSoon() {
    clearTimeout(waiting);
    waiting = setTimeout(perform, DELAY_MS);
  }

  function choose(style, focus = false) {
    for (const option of at("styles").children) {
      const isChosen = option.dataset.style === style;
      option.ariaChecked = String(isChosen);
      option.tabIndex = isChosen ? 0 : -1;
      if (isChosen && focus) option.focus();
    }
    at("blend").hidden = style !== "blend";
    at("shaping").hidden = style === "flat";
    return perform();
  }

  function options() {
    const names = ["flat", ...styles.map((style) => `=${style}`), ...(styles.length > 1 ? ["blend"] : [])];
    at("styles").replaceChildren(...names.map((name, place) => {
      const option = element("button", { type: "button", role: "radio", className: "chip", textContent: name.replace(/^=/, "") });
      option.dataset.style = name;
      option.addEventListener("click", () => choose(name));
      option.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (step) choose(names[(place + step + names.length) % names.length], true);
      });
      return option;
    }));
    for (const [id, place] of [["from", 0], ["to", 1]]) {
      at(id).replaceChildren(...styles.map((style) => new Option(style)));
      at(id).selectedIndex = Math.min(place, styles.length - 1);
    }
  }

  async function open(file) {
    complain(at("piece-problem"), null);
    try {
      if (file.size > mostBytes) throw new Refused(`${file.name} is too large: files of at most ${mostBytes / 2 ** 20} MiB are read`);
      at("drop").ariaBusy = "true";
      const { name } = file;
      piece = { ...await ask("pieces", await file.arrayBuffer(), "audio/midi"), name };
      if (player) {
        player.pause();
        player.seek(0);
      }
      at("piece").hidden = false;
      at("piece-title").textContent = name;
      at("piece-facts").textContent = [`${piece.notes.toLocaleString("en")} notes of the piano`, ...piece.doubts].join(" · ");
      await choose(styles.length ? `=${styles[0]}` : "flat");
    } catch (error) {
      complain(at("piece-problem"), error);
    } finally {
      at("drop").ariaBusy = "false";
    }
  }

  state.then((begun) => {
    if (!begun.performer) return;
    ({ styles, mostBytes } = begun);
    options();
    const showAmount = () => { at("amount-value").textContent = Number(at("amount").value).toFixed(1); };
    showAmount();
    at("file").addEventListener("change", () => {
      if (at("file").files.length) open(at("file").files[0]);
      at("file").value = "";
    });
    for (const name of ["dragover", "drop"]) {
      document.addEventListener(name, (event) => {
        if (at("perform").hidden || !event.dataTransfer.types.includes("Files")) return;
        event.preventDefault();
        at("drop").classList.toggle("over", name === "dragover");
        if (name === "drop") open(event.dataTransfer.files[0]);
      });
    }
    document.addEventListener("dragleave", () => at("drop").classList.remove("over"));
    at("amount").addEventListener("input", () => { showAmount(); performSoon(); });
    at("share").addEventListener("input", performSoon);
    for (const id of ["from", "to", "human"]) at(id).addEventListener("change", perform);
    document.addEventListener("tab", ({ detail }) => detail !== "perform" && player && player.pause());
    onKeys(() => !at("perform").hidden && player !== null, {
      " ": () => (player.isPlaying() ? player.pause() : player.play()),
    });
  }).catch(() => {});
})();
